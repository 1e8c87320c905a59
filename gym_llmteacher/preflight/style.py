"""How the page looks, on wide and on narrow screens, light and dark."""

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2rem 0 .5rem; font-size: 1.25rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
table:not(.cards) { display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem;
  border-bottom: 1px solid #8884; }
th { vertical-align: bottom; font-size: .85rem; }
th.n, td.n { text-align: right; }
td { overflow-wrap: break-word; }
code { overflow-wrap: anywhere; }
td.n { white-space: nowrap; }
code { font-size: .85rem; }
small { display: block; opacity: .7; }
.share { display: inline-flex; align-items: center; gap: .5rem; }
.bar { display: inline-block; background: #8883; width: 6rem; height: .7rem;
  border-radius: .35rem; overflow: hidden; }
.bar span { display: block; background: #2a7; height: 100%; }
details { border-top: 1px solid #8884; padding: .5rem 0; }
summary { cursor: pointer; }
.verdict { padding: .6rem 1rem; border-left: .3rem solid #2a7; background: #2a71; }
.verdict.poor { border-color: #c70; background: #c701; }
@media (max-width: 46rem) {
  .cards thead { display: none; }
  .cards, .cards tbody, .cards tr, .cards td { display: block; }
  .cards tr { border: 1px solid #8884; border-radius: .4rem; margin: .6rem 0; padding: .3rem 0; }
  .cards td, .cards td.n { display: grid; grid-template-columns: 8rem 1fr; gap: .6rem; border: 0;
    padding: .15rem .7rem; text-align: left; white-space: normal; }
  .cards td::before { content: attr(data-label); font-size: .8rem; opacity: .7;
    overflow-wrap: anywhere; }
}
"""
