"use strict";
// What the page can do beyond being read. Every text goes into a text node or an attribute: none is ever parsed.
{
  const data = JSON.parse(document.getElementById("data").textContent);
  const words = new Map(data.outcomes);
  const SVG = "http://www.w3.org/2000/svg";

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  const two = (number) => String(number).padStart(2, "0");
  const time = (ms) => {
    if (ms === null) return "–";
    const seconds = Math.floor(ms / 1000);
    if (seconds < 60) return `${(ms / 1000).toFixed(3)}s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
    return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`;
  };
  const thousands = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
  const plural = (number) => `${thousands(number)} ${number === 1 ? "test" : "tests"}`;

  // Theme: as the system has it, or as the reader wants it.
  {
    const button = document.getElementById("theme");
    const root = document.documentElement;
    const themes = ["auto", "light", "dark"];
    const current = () => root.dataset.theme ?? "auto";
    const show = () => (button.textContent = `Theme: ${current()}`);
    button.addEventListener("click", () => {
      const next = themes[(themes.indexOf(current()) + 1) % themes.length];
      if (next === "auto") delete root.dataset.theme;
      else root.dataset.theme = next;
      try {
        localStorage.setItem("cargo-gate-theme", next);
      } catch {}
      show();
    });
    show();
    button.hidden = false;
  }

  // A pointer into the charts, for mouse, finger and keyboard.
  {
    const tip = document.getElementById("tip");
    const strips = [...document.querySelectorAll("[data-strip]")];

    const says = (strip, at) => {
      const run = data.runs[at];
      if (strip.dataset.strip === "runs") {
        return [`${run.word}, ${run.totals}`, `took ${time(run.ms)}`, run.checkout, run.start];
      }
      const [test, letters, times] = data.map[Number(strip.dataset.strip)];
      const outcome = words.get(letters[at]) ?? "not in this run";
      const took = times[at] === null ? "" : ` after ${time(times[at])}`;
      return [test, outcome + took, run.checkout, run.start];
    };

    let pointed = null;
    const hide = () => {
      pointed = null;
      tip.hidden = true;
      for (const strip of strips) strip.classList.remove("pointed");
    };

    const point = (strip, at) => {
      const columns = Number(strip.dataset.columns);
      const box = strip.getBoundingClientRect();
      const width = box.width / columns;
      hide();
      pointed = [strip, at];
      strip.classList.add("pointed");
      strip.style.setProperty("--from", `${at * width}px`);
      strip.style.setProperty("--width", `${width}px`);
      const lines = says(strip, at).filter((line) => line);
      strip.setAttribute("aria-valuenow", at + 1);
      strip.setAttribute("aria-valuetext", lines.join(", "));
      tip.replaceChildren(...lines.map((line) => element("p", {}, line)));
      tip.hidden = false;
      const x = box.left + (at + 0.5) * width - tip.offsetWidth / 2;
      const above = box.top - tip.offsetHeight - 8;
      tip.style.left = `${Math.max(8, Math.min(x, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
      tip.style.top = `${above < 8 ? box.bottom + 8 : above}px`;
    };

    strips.forEach((strip, nth) => {
      const isMap = strip.dataset.strip !== "runs";
      const last = data.runs.length - 1;
      let at = last;
      strip.setAttribute("role", "slider");
      strip.setAttribute("aria-valuemin", 1);
      strip.setAttribute("aria-valuemax", last + 1);
      strip.setAttribute("aria-valuenow", last + 1);
      strip.setAttribute("aria-valuetext", says(strip, last).filter((line) => line).join(", "));
      // The map is one stop on the way of the tab key: its rows are reached by arrows.
      strip.tabIndex = isMap && strip.dataset.strip !== "0" ? -1 : 0;
      const go = (to) => {
        at = Math.max(0, Math.min(last, to));
        point(strip, at);
      };
      const under = (event) => {
        const box = strip.getBoundingClientRect();
        return Math.floor(((event.clientX - box.left) / box.width) * Number(strip.dataset.columns));
      };
      strip.addEventListener("pointermove", (event) => (under(event) > last ? hide() : go(under(event))));
      strip.addEventListener("pointerdown", (event) => go(under(event)));
      strip.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
      strip.addEventListener("focus", () => {
        if (isMap) for (const other of strips) if (other.dataset.strip !== "runs") other.tabIndex = other === strip ? 0 : -1;
        go(at);
      });
      strip.addEventListener("blur", hide);
      strip.addEventListener("walk", (event) => go(event.detail));
      strip.addEventListener("keydown", (event) => {
        const other = { ArrowUp: strips[nth - 1], ArrowDown: strips[nth + 1] }[event.key];
        if (isMap && other && other.dataset.strip !== "runs") {
          other.focus();
          other.dispatchEvent(new CustomEvent("walk", { detail: at }));
        } else {
          const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
          if (event.key === "Escape") hide();
          if (to === undefined) return;
          go(to);
        }
        event.preventDefault();
      });
    });
    document.getElementById("map-hint")?.removeAttribute("hidden");
    // Moving the focus scrolls as well: what has the focus keeps its words beside it.
    const follow = () => pointed && (pointed[0] === document.activeElement ? point(...pointed) : hide());
    document.addEventListener("scroll", follow, { capture: true, passive: true });
  }

  // Sorting. `sort(column, descending)` is called when a head's button is pressed.
  const sortable = (table, sort) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.disabled = false;
      button.addEventListener("click", () => {
        const was = head.getAttribute("aria-sort");
        // Of numbers the largest are asked for first.
        const descending = was ? was === "ascending" : head.classList.contains("number") && !head.dataset.up;
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        sort(column, descending);
      });
    });
    return heads;
  };

  // What has no value comes last, whichever way.
  const compare = (a, b, descending) => {
    if (a === b) return 0;
    if (a === null) return 1;
    if (b === null) return -1;
    return (a < b ? -1 : 1) * (descending ? -1 : 1);
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const rows = [...table.tBodies[0].rows];
    const value = (cell) => ("value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent);
    sortable(table, (column, descending) => {
      const keyed = rows.map((row) => [value(row.cells[column]), row]);
      keyed.sort(([a], [b]) => compare(a, b, descending));
      table.tBodies[0].append(...keyed.map(([, row]) => row));
    });
  }

  // All tests: a row is made when it comes into sight.
  const table = document.getElementById("tests");
  if (table) {
    const CHUNK = 100;
    const [BINARY, NAME, STATE, TEXT, FAILURES, EXECUTIONS, STREAK, RECENT, MEAN, PLACE, OUTCOMES, QUARANTINED] =
      Array(12).keys();
    const body = table.tBodies[0];
    const more = document.getElementById("more");
    const text = document.getElementById("filter-text");
    const state = document.getElementById("filter-state");
    const tests = data.tests;
    const names = tests.map((test) => `${data.binaries[test[BINARY]]}::${test[NAME]}`.toLowerCase());
    const order = tests.map((_, at) => at);
    const by = [null, STATE, FAILURES, STREAK, RECENT, MEAN, PLACE];
    let shown = [];
    let made = 0;

    const strip = (lengths) => {
      const runs = [...lengths.matchAll(/(\d+)(\w)/g)].map(([, length, letter]) => [Number(length), letter]);
      const svg = document.createElementNS(SVG, "svg");
      const counts = new Map();
      let x = 30 - runs.reduce((sum, [length]) => sum + length, 0);
      for (const [length, letter] of runs) {
        const path = document.createElementNS(SVG, "path");
        path.setAttribute("class", words.get(letter));
        const [top, height] = letter === "p" ? [6, 6] : letter === "s" ? [8, 2] : letter === "y" ? [9, 9] : [0, 18];
        let d = "";
        for (let k = 0; k < length; k++, x++) d += `M${x * 4} ${top}h3v${height}h-3z`;
        path.setAttribute("d", d);
        svg.append(path);
        counts.set(letter, (counts.get(letter) ?? 0) + length);
      }
      svg.setAttribute("viewBox", "0 0 120 18");
      svg.setAttribute("role", "img");
      const said = [...counts].map(([letter, count]) => `${count} ${words.get(letter)}`).join(", ");
      svg.setAttribute("aria-label", said ? `latest outcomes: ${said}` : "no outcomes");
      return svg;
    };

    const badge = (word) => element("span", { class: `state ${word}` }, word);
    const number = (label, value) => element("td", { class: "number", "data-label": label }, value);

    const row = (at) => {
      const test = tests[at];
      const home = element("span", { class: "home" }, `${data.binaries[test[BINARY]]}::`);
      const head = element("th", { scope: "row" }, element("span", { class: "key" }, home, test[NAME]));
      const word = data.states[test[STATE]] ?? "unknown";
      if (word !== "steady") head.append(element("span", { class: "because" }, data.texts[test[TEXT]]));
      const states = element("td", { "data-label": "State" }, badge(word));
      if (test[QUARANTINED]) states.append(" ", badge("quarantined"));
      const place = test[PLACE] === null ? "–" : thousands(test[PLACE]);
      return element(
        "tr",
        {},
        head,
        states,
        number("Failed", `${thousands(test[FAILURES])} of ${thousands(test[EXECUTIONS])}`),
        number("In a row", test[STREAK] ? thousands(test[STREAK]) : "–"),
        number("Lately", time(test[RECENT])),
        number("Mean", time(test[MEAN])),
        number("Next run", place),
        element("td", { class: "drawing", "data-label": "Outcomes" }, strip(test[OUTCOMES])),
      );
    };

    const grow = () => {
      const next = shown.slice(made, made + CHUNK);
      made += next.length;
      body.append(...next.map(row));
      more.hidden = made >= shown.length;
      more.textContent = `Show more (${thousands(shown.length - made)} left)`;
    };

    const refresh = () => {
      const wanted = text.value.trim().toLowerCase();
      const word = state.value;
      const fits = (at) =>
        names[at].includes(wanted) &&
        (!word || (word === "quarantined" ? tests[at][QUARANTINED] : data.states[tests[at][STATE]] === word));
      shown = order.filter(fits);
      made = 0;
      body.replaceChildren();
      grow();
      document.getElementById("matches").textContent =
        shown.length === tests.length ? plural(tests.length) : `${thousands(shown.length)} of ${plural(tests.length)}`;
    };

    const sort = (column, descending) => {
      const key = (at) => (by[column] === null ? at : tests[at][by[column]]);
      order.sort((a, b) => compare(key(a), key(b), descending) || a - b);
      refresh();
    };

    const heads = sortable(table, sort);
    // The first place is the one asked for first.
    heads[by.indexOf(PLACE)].dataset.up = "yes";
    heads[by.indexOf(STATE)].setAttribute("aria-sort", "ascending");
    sort(by.indexOf(STATE), false);

    let waiting = 0;
    text.addEventListener("input", () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(refresh);
    });
    state.addEventListener("change", refresh);
    text.form.addEventListener("submit", (event) => event.preventDefault());
    more.addEventListener("click", () => {
      const first = made;
      grow();
      // Whoever pressed the button by key goes on from the first new row.
      const head = body.rows[first]?.cells[0];
      if (!head || document.activeElement !== more) return;
      head.tabIndex = -1;
      head.focus({ preventScroll: true });
    });
    new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && !more.hidden && grow(), {
      rootMargin: "600px",
    }).observe(more);
    document.getElementById("all-tests").hidden = false;
  }
}
