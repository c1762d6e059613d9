"""What builds of other systems run."""
