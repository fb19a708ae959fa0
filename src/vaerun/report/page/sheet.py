"""The page's style sheet: two colour modes, one column on a narrow window, and no word from the network."""

from vaerun.report.page.palette import variables

RULES = """
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
header p { margin: 0; color: var(--muted); overflow-wrap: anywhere; }
h1 { font-size: clamp(1.25rem, 0.9rem + 1.5vw, 1.75rem); line-height: 1.3; font-weight: 600; margin: 0.5rem 0 1.25rem;
  overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; line-height: 1.3; font-weight: 600; margin: 2.75rem 0 0.4rem; }
h3 { display: flex; align-items: center; margin: 0 0 0.4rem; font-size: 0.95rem; font-weight: 600;
  overflow-wrap: anywhere; }
p.caption { margin: 0 0 0.9rem; color: var(--muted); font-size: 0.9rem; max-width: 60rem; }
a { color: inherit; }
.scroll { overflow: auto; border: 1px solid var(--line); border-radius: 8px; }
.long { max-height: min(38rem, 85vh); }
table { border-collapse: separate; border-spacing: 0; font-size: 0.9rem; min-width: 100%;
  font-variant-numeric: tabular-nums; }
th, td { padding: 0.45rem 0.75rem; text-align: right; vertical-align: baseline; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
tr:last-child > * { border-bottom: 0; }
thead th { position: sticky; top: 0; z-index: 1; background: var(--card); font-weight: 600; vertical-align: bottom;
  white-space: normal; min-width: 5.5rem; border-bottom: 1px solid var(--line); }
th small { display: block; font-weight: 400; color: var(--muted); }
.name { display: flex; align-items: baseline; }
tbody th small { margin-left: calc(26px + 0.45rem); }
th:first-child { position: sticky; left: 0; background: var(--paper); text-align: left; font-weight: 600;
  white-space: normal; min-width: min(15rem, 42vw); max-width: min(24rem, 45vw); overflow-wrap: anywhere;
  border-right: 1px solid var(--line); }
thead th:first-child { z-index: 2; background: var(--card); }
td.words, th.words { text-align: left; white-space: normal; }
td.words { overflow-wrap: anywhere; min-width: 8rem; }
td .error { color: var(--muted); }
td .best { font-weight: 700; }
td .mark { display: inline-block; width: 0.8em; text-align: left; color: var(--muted); }
.swatch { width: 26px; height: 12px; vertical-align: -1px; margin-right: 0.45rem; flex: none; }
ul { margin: 0.8rem 0 0; padding-left: 1.1rem; font-size: 0.9rem; color: var(--muted); overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; margin: 0 0 0.8rem; padding: 0; list-style: none;
  font-size: 0.9rem; color: var(--ink); }
.legend li { display: flex; align-items: center; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; padding: 0.75rem; border: 1px solid var(--line); border-radius: 8px; min-width: 0; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { font-size: 0.8rem; color: var(--muted); text-align: right; }
.lead { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); gap: 1rem 2rem;
  align-items: start; margin-top: 1rem; }
.lead figure { max-width: 560px; }
.lead ul { margin-top: 0; }
.pictures .figures { grid-template-columns: repeat(auto-fill, minmax(min(250px, 100%), 1fr)); }
.pictures img { display: block; width: 100%; height: auto; image-rendering: pixelated; border-radius: 3px; }
.pictures figcaption { text-align: left; margin: 0.2rem 0 0.7rem; }
details { margin-top: 0.8rem; }
summary { cursor: pointer; font-weight: 600; font-size: 0.95rem; }
details .scroll, details dl { margin-top: 0.6rem; }
code { font: 0.85em ui-monospace, monospace; overflow-wrap: anywhere; }
code.setting { display: inline-block; margin: 0 0.9rem 0.1rem 0; }
dl { display: grid; grid-template-columns: fit-content(16rem) minmax(0, 1fr); gap: 0.3rem 1rem; margin: 0;
  font-size: 0.9rem; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); }
@media (max-width: 600px) { dl { grid-template-columns: minmax(0, 1fr); gap: 0; } dd { margin-bottom: 0.5rem; }
  main { padding: 1rem 0.75rem 2rem; } th, td { padding: 0.4rem 0.55rem; } figure { padding: 0.4rem; }
  th .name { display: block; } tbody th small { margin-left: 0; } }
@media print { .scroll { max-height: none; overflow: visible; } figure { break-inside: avoid; } }
"""


def style_sheet() -> str:
    """The rules, and the colours of both modes; paper is light."""
    return (
        f":root {{ color-scheme: light dark; {variables(dark=False)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {variables(dark=True)} }} }}\n{RULES.strip()}"
    )
