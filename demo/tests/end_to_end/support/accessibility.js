// What a page does wrong for people who do not see it, or do not see it well (WCAG 2.2, A and AA).
const faults = [];
const complain = (rule, element) => faults.push(`${rule}: ${element.outerHTML.slice(0, 120)}`);
const all = (css) => [...document.querySelectorAll(css)];
const isShown = (element) => element.getClientRects().length > 0;

if (!document.documentElement.lang) faults.push("3.1.1: no language");
if (!document.title.trim()) faults.push("2.4.2: no title");
if (all("h1").length !== 1) faults.push(`1.3.1: ${all("h1").length} main headings`);
if (all("main").length !== 1) faults.push("1.3.1: no main part");
if (document.scripts.length > 0) faults.push("a script");

const ids = all("[id]").map((element) => element.id);
ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => faults.push(`4.1.2: #${id} twice`));
all("[aria-describedby], [aria-labelledby]").forEach((element) => {
  const named = ["aria-describedby", "aria-labelledby"].flatMap((name) => (element.getAttribute(name) ?? "").split(" "));
  if (named.some((id) => id && !document.getElementById(id))) complain("1.3.1: names what is not there", element);
});
all("a[href^='#']").forEach((link) => {
  if (!document.querySelector(link.getAttribute("href"))) complain("2.4.1: leads nowhere", link);
});
all("input:not([type=hidden])").filter(isShown).forEach((input) => {
  if (!input.labels?.length) complain("3.3.2: no label", input);
  if (!input.hasAttribute("autocomplete") && input.type !== "checkbox") complain("1.3.5: no purpose", input);
  if (input.getAttribute("aria-invalid") === "true" && !input.getAttribute("aria-describedby")) {
    complain("3.3.1: does not say what is wrong", input);
  }
});
let level = 0;
all("h1, h2, h3, h4").filter(isShown).forEach((heading) => {
  const own = Number(heading.tagName[1]);
  if (own > level + 1) complain("1.3.1: a level is left out", heading);
  level = own;
});
all("a, button").filter(isShown).forEach((control) => {
  if (!control.textContent.trim()) complain("4.1.2: no name", control);
  const { width, height } = control.getBoundingClientRect();
  const isInText = control.matches("p a, dd a, li li a, .errors a") || control.classList.contains("skip");
  if (!isInText && (width < 24 || height < 24)) complain("2.5.8: too small", control);
});
return faults;
