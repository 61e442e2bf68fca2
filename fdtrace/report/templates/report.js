"use strict";
(function () {
  const PAGE = 100;

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  // One table: which rows, in which order, from which page. Cells are only ever set as text.
  function grid(section) {
    const data = JSON.parse(section.querySelector("script.data").textContent);
    const columns = data.columns, words = data.words, total = data.rows;
    const body = section.querySelector("tbody"), status = section.querySelector(".status");
    const form = section.querySelector(".controls"), nav = section.querySelector(".pages");
    const heads = [...section.querySelectorAll("thead th")];
    const lower = words.map((word) => word.toLowerCase());
    const rank = new Map([...words.keys()].sort((a, b) => (lower[a] < lower[b] ? -1 : lower[a] > lower[b] ? 1 : a - b))
      .map((word, place) => [word, place]));
    const chosen = new Map();
    let order = [...Array(total).keys()], shown = order, page = 0, sorted = null, descending = false, sought = "";

    const said = (column, row) => {
      const value = column.values[row];
      if (value === null) return "";
      return column.number ? String(value) : words[value];
    };

    function matches() {
      const found = sought && new Set([...lower.keys()].filter((word) => lower[word].includes(sought)));
      shown = order.filter((row) => {
        for (const [column, word] of chosen) if (column.values[row] !== word) return false;
        return !sought || columns.some((column) => {
          const value = column.values[row];
          return value !== null && (column.number ? String(value).startsWith(sought) : found.has(value));
        });
      });
      page = 0;
      draw();
    }

    function draw() {
      const pages = Math.max(1, Math.ceil(shown.length / PAGE));
      page = Math.min(page, pages - 1);
      const rows = shown.slice(page * PAGE, page * PAGE + PAGE).map((row) => element("tr", {},
        ...columns.map((column) => element("td", { className: column.look, textContent: said(column, row) }))));
      body.replaceChildren(...rows);
      const first = shown.length ? page * PAGE + 1 : 0, last = Math.min(shown.length, page * PAGE + PAGE);
      status.textContent = `Rows ${first.toLocaleString("en")} to ${last.toLocaleString("en")} of ` +
        `${shown.length.toLocaleString("en")}${shown.length < total ? ` that match, of ${total.toLocaleString("en")}` : ""}`;
      before.disabled = page === 0;
      after.disabled = page >= pages - 1;
      nav.hidden = pages === 1;
    }

    function sort(column, head) {
      descending = sorted === column ? !descending : false;
      sorted = column;
      heads.forEach((other) => other.setAttribute("aria-sort", other === head ? (descending ? "descending" : "ascending") : "none"));
      const key = column.number ? (row) => column.values[row] : (row) => rank.get(column.values[row]);
      const sign = descending ? -1 : 1;
      order = [...Array(total).keys()].sort((a, b) => {
        if (column.values[a] === null || column.values[b] === null)
          return (column.values[a] === null) - (column.values[b] === null) || a - b;
        return sign * (key(a) - key(b)) || a - b;
      });
      matches();
    }

    heads.forEach((head, place) => {
      const button = element("button", { type: "button", textContent: head.textContent });
      head.setAttribute("aria-sort", "none");
      head.replaceChildren(button);
      button.addEventListener("click", () => sort(columns[place], head));
    });
    const search = element("input", { type: "search" });
    search.addEventListener("input", () => { sought = search.value.trim().toLowerCase(); matches(); });
    form.append(element("label", {}, "Search", search));
    columns.filter((column) => column.filter && !column.number).forEach((column) => {
      const often = new Map();
      column.values.forEach((word) => word !== null && often.set(word, (often.get(word) || 0) + 1));
      if (often.size < 2 || often.size > 200) return;
      const options = [...often].sort((a, b) => b[1] - a[1] || rank.get(a[0]) - rank.get(b[0]))
        .map(([word, count]) => element("option", { value: String(word), textContent: `${words[word]} (${count})` }));
      const select = element("select", {}, element("option", { value: "", textContent: "all" }), ...options);
      select.addEventListener("change", () => {
        if (select.value === "") chosen.delete(column); else chosen.set(column, Number(select.value));
        matches();
      });
      form.append(element("label", {}, column.name, select));
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    const before = element("button", { type: "button", textContent: "Previous rows" });
    const after = element("button", { type: "button", textContent: "Next rows" });
    before.addEventListener("click", () => { page -= 1; draw(); });
    after.addEventListener("click", () => { page += 1; draw(); });
    nav.append(before, after);
    draw();
  }

  document.querySelectorAll("section.grid").forEach(grid);

  // A picture grows within its frame, which scrolls; the middle stays where it is.
  function zoom(figure) {
    const frame = figure.querySelector(".scroll"), drawn = frame.querySelector("svg"), bar = figure.querySelector(".zoom");
    let factor = 1;
    const set = (wanted, at) => {
      const next = Math.min(32, Math.max(1, wanted)), x = at === undefined ? frame.clientWidth / 2 : at;
      const middle = (frame.scrollLeft + x) / factor;
      factor = next;
      drawn.style.width = `${factor * 100}%`;
      frame.scrollLeft = middle * factor - x;
    };
    for (const [label, change] of [["Zoom in", () => factor * 2], ["Zoom out", () => factor / 2], ["Whole picture", () => 1]]) {
      const button = element("button", { type: "button", textContent: label });
      button.addEventListener("click", () => set(change()));
      bar.append(button);
    }
    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      set(factor * (event.deltaY < 0 ? 1.25 : 0.8), event.clientX - frame.getBoundingClientRect().left);
    }, { passive: false });
    bar.hidden = false;
  }
  document.querySelectorAll("figure.picture").forEach(zoom);

  const root = document.documentElement, theme = document.getElementById("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const tell = () => { theme.setAttribute("aria-pressed", String(dark())); };
  // Pictures bring styles that ask for the system's scheme: their question gets the chosen answer.
  const asked = [...document.querySelectorAll("svg style")].flatMap((style) => [...style.sheet.cssRules])
    .filter((rule) => rule.media && rule.media.mediaText.includes("prefers-color-scheme"));
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    asked.forEach((rule) => { rule.media.mediaText = dark() ? "all" : "not all"; });
    tell();
  });
  tell();

  const details = [...document.querySelectorAll("details")], unfold = document.getElementById("unfold");
  unfold.addEventListener("click", () => {
    const open = details.some((one) => !one.open);
    details.forEach((one) => { one.open = open; });
    unfold.textContent = open ? "Close all details" : "Open all details";
  });
  let closed = [];
  addEventListener("beforeprint", () => { closed = details.filter((one) => !one.open); closed.forEach((one) => { one.open = true; }); });
  addEventListener("afterprint", () => { closed.forEach((one) => { one.open = false; }); });
  document.querySelector(".tools").hidden = false;
})();
