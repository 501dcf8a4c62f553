"use strict";
// Before anything is drawn, so that no page flashes in the other theme. Storage may be refused to a local file.
{
  let theme = null;
  try {
    theme = localStorage.getItem("cargo-gate-theme");
  } catch {}
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
