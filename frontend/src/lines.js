// Two texts, line by line: what is common stays, with a few lines around each change.
const AROUND = 3;
const MOST = 4000;

export function compareLines(before, after) {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const middle = changes(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const all = [...a.slice(0, head).map(same), ...middle, ...a.slice(a.length - tail).map(same)];
  return folded(all);
}

const same = (text) => ({ kind: "same", text });

// The longest common subsequence; beyond what a table of lengths can hold, all out and all in.
function changes(a, b) {
  const whole = [...a.map((text) => ({ kind: "removed", text })), ...b.map((text) => ({ kind: "added", text }))];
  if (a.length * b.length > 4_000_000) return whole.slice(0, MOST);
  const width = b.length + 1;
  const length = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i * width + j] = a[i] === b[j] ? length[(i + 1) * width + j + 1] + 1 : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
  const found = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { found.push(same(a[i])); i++; j++; }
    else if (j === b.length || (i < a.length && length[(i + 1) * width + j] >= length[i * width + j + 1])) found.push({ kind: "removed", text: a[i++] });
    else found.push({ kind: "added", text: b[j++] });
  }
  return found;
}

function folded(all) {
  const near = new Uint8Array(all.length);
  all.forEach((line, place) => { if (line.kind !== "same") near.fill(1, Math.max(0, place - AROUND), place + AROUND + 1); });
  const found = [];
  let skipped = 0;
  for (const [place, line] of all.entries()) {
    if (near[place]) {
      if (skipped) found.push({ kind: "gap", text: `… ${skipped} equal` });
      skipped = 0;
      found.push(line);
    } else skipped++;
  }
  if (skipped && found.length) found.push({ kind: "gap", text: `… ${skipped} equal` });
  return found;
}
