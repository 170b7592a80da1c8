/** Light and dark by what the system of the reader prefers; on a telephone one column of charts, elsewhere several. */
export const STYLE = `
:root{color-scheme:light dark;--back:#fff;--text:#1d2129;--dim:#667085;--line:#e3e6ec;--soft:#f5f6f9;--accent:#2563c9;
--c0:#2563c9;--c1:#d9622b;--c2:#1b8a5a;--c3:#8a4fc7;--c4:#b98900;--c5:#c23b6e;--c6:#16869c;--c7:#6b7280}
@media(prefers-color-scheme:dark){:root{--back:#15181e;--text:#e4e7ee;--dim:#98a1b2;--line:#2c323d;--soft:#1d2129;--accent:#6ea2ff;
--c0:#6ea2ff;--c1:#ff9561;--c2:#4fcf95;--c3:#bd8bf5;--c4:#e6bd3c;--c5:#f57ba6;--c6:#4fc3d9;--c7:#a3abb9}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,"DejaVu Sans",sans-serif;background:var(--back);color:var(--text);margin:0 auto;max-width:1160px;padding:0 20px 60px}
h1{font-size:26px;line-height:1.25;margin:36px 0 4px;overflow-wrap:anywhere}
h2{font-size:18px;margin:44px 0 2px;padding-top:14px;border-top:1px solid var(--line)}
h3{font-size:15px;margin:22px 0 8px;overflow-wrap:anywhere}
p{margin:4px 0 14px;max-width:75ch;overflow-wrap:anywhere}.about,.lead,figcaption,.dim{color:var(--dim)}.about{font-size:14px}
.note{border-left:3px solid var(--accent);padding:2px 0 2px 12px}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(144px,1fr));gap:12px;margin:20px 0;padding:0}
.tiles div{background:var(--soft);border-radius:8px;padding:10px 14px}.tiles dt{color:var(--dim);font-size:13px}
.tiles dd{margin:0;font-size:20px;white-space:nowrap;font-weight:600;font-variant-numeric:tabular-nums}.tiles small{white-space:normal;font-size:13px;font-weight:400;color:var(--dim)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:14px 0;padding:0;font-size:14px;overflow-wrap:anywhere}
.legend i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:7px;vertical-align:middle}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr));gap:18px 24px}
figure{margin:0;min-width:0}.chart svg,.picture svg{display:block;width:100%;height:auto}.chart{max-width:460px}
figcaption{font-size:13px;overflow-wrap:anywhere}.chart figcaption{color:var(--text);font-weight:600;margin-bottom:2px}
.wide{overflow-x:auto;margin:12px 0}table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums;white-space:nowrap}
th,td{text-align:right;font-weight:400;padding:5px 14px;border-bottom:1px solid var(--line)}td.words{text-align:left;white-space:normal;overflow-wrap:anywhere}thead th{color:var(--dim);font-size:13px}
th:first-child{text-align:left;padding-left:0;min-width:84px;max-width:60vw;white-space:normal;overflow-wrap:anywhere}td b{color:var(--accent)}
.facts td{text-align:left;white-space:normal;overflow-wrap:anywhere}.facts th{color:var(--dim);vertical-align:top;white-space:nowrap}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,260px),1fr));gap:16px}
.pictures.small{grid-template-columns:repeat(auto-fill,minmax(min(45%,170px),1fr))}
.groups{display:grid;gap:4px 28px}.groups .pictures{grid-template-columns:repeat(auto-fit,minmax(min(100%,200px),1fr))}
.maps{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:10px;margin-bottom:10px}.map img{display:block;width:100%;image-rendering:pixelated;border-radius:4px}
.picture rect{fill:#0000;stroke:#0006;stroke-width:3.2;vector-effect:non-scaling-stroke}.key rect{fill:none;stroke:none}
.picture rect+rect,.key rect+rect{stroke-width:1.8}.hit rect+rect{stroke:#4be08a}.false rect+rect{stroke:#ff5c5c}
.missed rect+rect{stroke:#ffd23f;stroke-dasharray:5 3}.object rect+rect{stroke:#fff;stroke-dasharray:2 3}
.key{width:20px;height:12px;margin-right:7px;vertical-align:middle;background:#444;border-radius:3px}.dot{display:inline-block;width:14px;height:3px;margin-right:7px;vertical-align:middle}
.picture svg{border-radius:6px;background:var(--soft)}.picture figcaption{margin-top:5px}
@media(max-width:560px){.maps{grid-template-columns:repeat(3,minmax(0,1fr))}.maps>.picture{grid-column:1/-1}.maps>div{display:none}}
details{margin:10px 0}summary{cursor:pointer}pre{background:var(--soft);border-radius:8px;padding:14px;overflow-x:auto;font-size:12.5px;line-height:1.45}
`;
