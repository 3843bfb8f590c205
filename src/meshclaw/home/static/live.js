"use strict";
// What carries data-live is fetched anew when the ledger grew; what is being used stays as it is.
const still = 500;
let waiting = false, again = false;

function renew(fresh) {
  for (const old of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(old.id);
    const active = old.contains(document.activeElement) ? document.activeElement : null;
    if (!now || same(old, now) || active?.matches("input, select, textarea")) continue;
    for (const open of old.querySelectorAll("details[open][id]")) {
      const twin = now.querySelector(`#${CSS.escape(open.id)}`);
      if (twin) twin.open = true;
    }
    const twin = active && [...now.querySelectorAll("a, button, summary, [tabindex]")].find((one) => named(one) === named(active));
    old.replaceWith(now);
    twin?.focus({ preventScroll: true });
  }
}

// What a person has in hand stays in hand, wherever it stands now.
function named(one) {
  return [one.tagName, one.id, one.closest("details")?.id, one.getAttribute("href"), one.form?.action, one.innerText].join(" ");
}

// When a slip was put before the person is theirs alone to keep: a later look does not begin it anew.
function same(old, now) {
  const before = old.querySelectorAll("[data-kept]"), after = now.querySelectorAll("[data-kept]");
  if (before.length === after.length) after.forEach((one, at) => one.setAttribute("value", before[at].value));
  return old.outerHTML.replaceAll(' open=""', "") === now.outerHTML.replaceAll(' open=""', "");
}

// A page that does not change while somebody looks is not made again; neither is what was to be done once.
function from() {
  const url = new URL(location.href);
  url.searchParams.delete("verify");
  if (document.querySelector("main [data-live]")) return url;
  return `/frame?${new URLSearchParams({ page: document.querySelector("nav [aria-current]")?.getAttribute("href") ?? "" })}`;
}

async function look() {
  if (waiting) { again = true; return; }
  waiting = true;
  try {
    const answer = await fetch(from(), { headers: { "Meshclaw-Live": "1" } });
    if (answer.status === 401) location.reload();
    if (answer.ok) renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch { /* the stream says that it is gone */ }
  setTimeout(() => { waiting = false; if (again) { again = false; look(); } }, still);
}

const facts = new EventSource(`/live?after=${document.body.dataset.seen}`);
facts.addEventListener("fact", look);
facts.addEventListener("open", () => { document.getElementById("gone").hidden = true; });
facts.addEventListener("error", () => {
  document.getElementById("gone").hidden = false;
  if (facts.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
});
addEventListener("pagehide", () => facts.close());

for (const box of document.querySelectorAll("[data-stream]")) {
  const said = new EventSource(box.dataset.stream);
  said.addEventListener("piece", (event) => box.append(JSON.parse(event.data)));
  said.addEventListener("end", () => { said.close(); box.setAttribute("aria-busy", "false"); box.closest("section").hidden = true; look(); });
  said.addEventListener("error", () => said.close());
}
