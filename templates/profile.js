"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { ops, limits, memory, times } = data;
  const total = ops.reduce((sum, op) => sum + op.ms, 0) || 1;
  const rate = (amount, ms) => (ms > 0 ? amount / ms / 1e6 : 0);
  const short = (value) => (value === 0 ? "0" : String(+value.toPrecision(3)));
  const bytes = (count) => {
    const power = count < 1e3 ? 0 : count < 1e6 ? 1 : count < 1e9 ? 2 : 3;
    return `${short(count / 1000 ** power)} ${["B", "kB", "MB", "GB"][power]}`;
  };
  const kinds = new Map();
  for (const { kind, ms, flops, bytes: moved } of ops) {
    const sum = kinds.get(kind) ?? { kind, count: 0, ms: 0, flops: 0, bytes: 0 };
    kinds.set(kind, {
      kind,
      count: sum.count + 1,
      ms: sum.ms + ms,
      flops: sum.flops + flops,
      bytes: sum.bytes + moved,
    });
  }
  const ranked = [...kinds.values()].sort((a, b) => b.ms - a.ms);
  const colours = new Map(ranked.map(({ kind }, index) => [kind, `k${Math.min(index, 7)}`]));

  function element(name, attributes = {}, ...children) {
    const svg = ["svg", "g", "rect", "line", "path", "circle", "text", "title"].includes(name);
    const made = svg
      ? document.createElementNS("http://www.w3.org/2000/svg", name)
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  const show = (id, ...children) => document.getElementById(id).append(...children);
  const canvas = (width, height, label) =>
    element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  const label = (x, y, text, more = {}) => element("text", { x, y, ...more }, text);
  const tip = ({ name, origin, kind, ms, flops, bytes: moved }) =>
    element(
      "title",
      {},
      `${name}\n${origin}\n${kind}: ${short(ms)} ms, ${short(rate(flops, ms))} GFLOP/s, ${short(rate(moved, ms))} GB/s`,
    );

  function summary() {
    const flops = ops.reduce((sum, op) => sum + op.flops, 0);
    const cells = [
      [`${short(times.median)} ms`, "a run, median"],
      [`${short(rate(flops, times.median))} GFLOP/s`, "over a whole run"],
      [`${short(limits.gflops)} GFLOP/s`, "limit of arithmetic"],
      [`${short(limits.memory)} GB/s`, "limit of memory"],
      [bytes(memory.peak), "memory of a run"],
      [bytes(memory.weights), "packed weights"],
    ];
    show(
      "summary",
      ...cells.map(([value, what]) =>
        element("div", {}, element("b", {}, value), element("span", {}, what)),
      ),
    );
  }

  function timeline() {
    const DEPTH = 4,
      ROW = 22,
      WIDTH = 1160;
    const end = Math.max(...ops.map((op) => op.end)) || 1;
    const x = (ms) => (ms / end) * WIDTH;
    const paths = ops.map(({ origin }) => origin.split(/[./]+/).filter(Boolean).slice(0, -1));
    const rows = Math.min(DEPTH, Math.max(...paths.map((path) => path.length)));
    const svg = canvas(WIDTH, (rows + 1.4) * ROW + 24, "Timeline of a run");
    const write = (at, width, y, text, style) => {
      if (width > 8 + 6.2 * text.length) svg.append(label(at + 4, y + 15, text, { class: style }));
    };
    for (let depth = 0; depth < rows; depth++) {
      for (let from = 0; from < ops.length;) {
        const prefix = paths[from].slice(0, depth + 1).join(".");
        let to = from + 1;
        while (to < ops.length && paths[to].slice(0, depth + 1).join(".") === prefix) to++;
        if (paths[from].length > depth) {
          const at = x(ops[from].start),
            width = x(ops[to - 1].end) - at;
          const box = { x: at, y: depth * ROW, width, height: ROW - 1, class: "module" };
          svg.append(element("rect", box, element("title", {}, prefix)));
          write(at, width, depth * ROW, paths[from][depth], "in");
        }
        from = to;
      }
    }
    for (const op of ops) {
      const at = x(op.start),
        width = Math.max(x(op.end) - at, 0.3),
        y = rows * ROW;
      svg.append(
        element(
          "rect",
          { x: at, y, width, height: ROW * 1.4, class: `op ${colours.get(op.kind)}` },
          tip(op),
        ),
      );
      write(at, width, y + 4, op.kind, "on");
    }
    for (let i = 0; i <= 8; i++) {
      const anchor = i === 0 ? "start" : i === 8 ? "end" : "middle";
      svg.append(
        label((WIDTH * i) / 8, (rows + 1.4) * ROW + 18, `${short((end * i) / 8)} ms`, {
          "text-anchor": anchor,
        }),
      );
    }
    show("timeline", svg);
    const named = ranked.slice(0, 7).map(({ kind }) => kind);
    if (ranked.length > 7) named.push(ranked.length === 8 ? ranked[7].kind : "others");
    show(
      "legend",
      ...named.map((kind, index) =>
        element(
          "li",
          {},
          element(
            "svg",
            { viewBox: "0 0 10 10" },
            element("rect", { width: 10, height: 10, rx: 2, class: `k${index}` }),
          ),
          kind,
        ),
      ),
    );
  }

  function roofline() {
    const LEFT = 54,
      RIGHT = 540,
      TOP = 10,
      BOTTOM = 310;
    const dots = ops.filter((op) => op.flops > 0 && op.bytes > 0 && op.ms > 0);
    const powers = (values) => [
      Math.floor(Math.log10(Math.min(...values))),
      Math.ceil(Math.log10(Math.max(...values))),
    ];
    const [left, right] = powers([0.1, 100, ...dots.map((op) => op.flops / op.bytes)]);
    const [low, high] = powers([
      1,
      limits.gflops * 1.2,
      ...dots.map((op) => rate(op.flops, op.ms)),
    ]);
    const x = (value) => LEFT + ((Math.log10(value) - left) / (right - left)) * (RIGHT - LEFT);
    const y = (value) => BOTTOM - ((Math.log10(value) - low) / (high - low)) * (BOTTOM - TOP);
    const svg = canvas(560, 350, "Roofline");
    for (let power = left; power <= right; power++) {
      const at = x(10 ** power);
      svg.append(element("line", { x1: at, x2: at, y1: TOP, y2: BOTTOM, class: "grid" }));
      svg.append(label(at, BOTTOM + 16, short(10 ** power), { "text-anchor": "middle" }));
    }
    for (let power = low; power <= high; power++) {
      const at = y(10 ** power);
      svg.append(element("line", { x1: LEFT, x2: RIGHT, y1: at, y2: at, class: "grid" }));
      svg.append(label(LEFT - 6, at + 4, short(10 ** power), { "text-anchor": "end" }));
    }
    const start = Math.max(10 ** left, 10 ** low / limits.memory);
    const knee = limits.gflops / limits.memory;
    const roof = `M${x(start)} ${y(start * limits.memory)}L${x(knee)} ${y(limits.gflops)}H${RIGHT}`;
    svg.append(element("path", { d: roof, class: "roof" }));
    svg.append(
      label(RIGHT - 4, y(limits.gflops) - 6, `${short(limits.gflops)} GFLOP/s`, {
        "text-anchor": "end",
      }),
    );
    for (const op of [...dots].sort((a, b) => b.ms - a.ms)) {
      const place = {
        cx: x(op.flops / op.bytes),
        cy: y(rate(op.flops, op.ms)),
        r: 2.5 + 26 * Math.sqrt(op.ms / total),
      };
      svg.append(element("circle", { ...place, class: `dot ${colours.get(op.kind)}` }, tip(op)));
    }
    svg.append(
      label(
        (LEFT + RIGHT) / 2,
        346,
        `FLOP per byte; upwards, GFLOP/s; the slope is memory, ${short(limits.memory)} GB/s`,
        { "text-anchor": "middle" },
      ),
    );
    show("roofline", svg);
  }

  function memoryChart() {
    const LEFT = 64,
      RIGHT = 540,
      TOP = 16,
      BOTTOM = 310;
    const top = Math.max(memory.peak, ...memory.live) || 1;
    const x = (step) => LEFT + (step / memory.live.length) * (RIGHT - LEFT);
    const y = (count) => BOTTOM - (count / top) * (BOTTOM - TOP);
    const svg = canvas(560, 350, "Memory by step");
    for (let i = 0; i <= 4; i++) {
      const at = y((top * i) / 4);
      svg.append(element("line", { x1: LEFT, x2: RIGHT, y1: at, y2: at, class: "grid" }));
      svg.append(label(LEFT - 6, at + 4, bytes((top * i) / 4), { "text-anchor": "end" }));
    }
    const steps = memory.live
      .map((count, step) => `L${x(step)} ${y(count)}H${x(step + 1)}`)
      .join("");
    svg.append(element("path", { d: `M${LEFT} ${BOTTOM}${steps}V${BOTTOM}Z`, class: "area" }));
    svg.append(
      element("line", {
        x1: LEFT,
        x2: RIGHT,
        y1: y(memory.peak),
        y2: y(memory.peak),
        class: "dash",
      }),
    );
    svg.append(
      label((LEFT + RIGHT) / 2, 330, `step, of ${memory.live.length}`, { "text-anchor": "middle" }),
    );
    show("memory", svg);
  }

  /** Show rows under `columns` ([heading, value, text?]: numbers to the right); sorts at a click. */
  function table(id, columns, rows, sorted) {
    const body = element("tbody");
    const fill = (column, descending) => {
      const value = columns[column][1];
      const order = (a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0);
      const lines = [...rows].sort((a, b) => (descending ? order(b, a) : order(a, b)));
      body.replaceChildren(
        ...lines.map((row) =>
          element(
            "tr",
            {},
            ...columns.map(([, get, text]) => {
              return element(
                "td",
                text ? { class: "number" } : {},
                text ? text(get(row)) : get(row),
              );
            }),
          ),
        ),
      );
      for (const [index, heading] of headings.entries()) {
        heading.setAttribute(
          "aria-sort",
          index !== column ? "none" : descending ? "descending" : "ascending",
        );
      }
    };
    const headings = columns.map(([name, , text], index) => {
      const button = element("button", { type: "button" }, name);
      const heading = element("th", { scope: "col", ...(text && { class: "number" }) }, button);
      button.addEventListener("click", () => {
        const now = heading.getAttribute("aria-sort");
        fill(index, now === "none" ? Boolean(text) : now === "ascending");
      });
      return heading;
    });
    show(id, element("table", {}, element("thead", {}, element("tr", {}, ...headings)), body));
    fill(sorted, true);
  }

  const figures = [
    ["ms", (row) => row.ms, (ms) => (ms < 0.01 ? ms.toPrecision(2) : ms.toFixed(3))],
    ["share", (row) => row.ms / total, (share) => `${(100 * share).toFixed(1)} %`],
    ["GFLOP/s", (row) => rate(row.flops, row.ms), (speed) => speed.toFixed(1)],
    ["GB/s", (row) => rate(row.bytes, row.ms), (speed) => speed.toFixed(1)],
  ];
  summary();
  timeline();
  roofline();
  memoryChart();
  table(
    "kinds",
    [["kind", (row) => row.kind], ["ops", (row) => row.count, String], ...figures],
    ranked,
    2,
  );
  table(
    "ops",
    [["origin", (op) => op.origin], ["op", (op) => op.name], ["kind", (op) => op.kind], ...figures],
    ops,
    3,
  );
})();
