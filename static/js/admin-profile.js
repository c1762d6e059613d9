// Shows of a profile's form only the fields that its kind has. Without this script all are shown, which works as well.
(() => {
  const FIELDS = {
    "github-token": ["api_url"],
    "github-app": ["api_url", "app_id", "installation_id"],
    basic: ["host", "user"],
    aws: ["region", "key_id"],
    "slack-bot": [],
  };
  const CONDITIONAL = [...new Set(Object.values(FIELDS).flat())];

  const refresh = (select) => {
    const prefix = select.name.replace(/kind$/, "");
    const wanted = FIELDS[select.value] ?? [];
    for (const name of CONDITIONAL) {
      const input = document.getElementsByName(prefix + name)[0];
      const line = input?.closest(".field-line, .form-row, .field-" + name);
      if (line) {
        line.hidden = !wanted.includes(name);
        line.style.display = line.hidden ? "none" : "";
      }
    }
  };

  const refreshAll = () => document.querySelectorAll('select[name$="kind"]').forEach(refresh);
  document.addEventListener("change", (event) => {
    if (event.target.matches?.('select[name$="kind"]')) refresh(event.target);
  });
  document.addEventListener("formset:added", refreshAll);
  document.addEventListener("DOMContentLoaded", refreshAll);
})();
