#!/bin/sh
# git calls this with its question when a host wants a user or a password. The answers stand only in the environment of
# that one git process (projects/git_process.py): never in its arguments, its configuration or a URL.
case "$1" in
*"//$HORIZON_GIT_HOST'"* | *"@$HORIZON_GIT_HOST'"* | *"//$HORIZON_GIT_HOST/"* | *"@$HORIZON_GIT_HOST/"*) ;;
*) exit 1 ;; # a question of another host
esac
case "$1" in
Username*) printf '%s\n' "$HORIZON_GIT_USERNAME" ;;
Password*) printf '%s\n' "$HORIZON_GIT_PASSWORD" ;;
*) exit 1 ;;
esac
