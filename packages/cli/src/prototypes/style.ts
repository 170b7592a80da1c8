export const STYLE = `
:root{color-scheme:light dark;--line:#8885;--soft:#8881}
body{font:14px/1.4 system-ui,"DejaVu Sans",sans-serif;margin:0 auto;max-width:1500px;padding:0 20px 40px}
h1{font-size:22px;margin:20px 0 4px;overflow-wrap:anywhere}h2{font-size:18px;border-bottom:1px solid var(--line);margin:34px 0 8px;padding-bottom:4px}
h3{font-size:14px;margin:16px 0 6px}small,.how,header p{color:#888;font-weight:normal;font-size:13px}
table{border-collapse:collapse}th,td{text-align:right;padding:2px 12px;border-bottom:1px solid var(--line)}th:first-child,td:first-child{text-align:left}
ol{list-style:none;counter-reset:place;display:flex;flex-wrap:wrap;gap:10px;margin:0;padding:0}
li{counter-increment:place;display:flex;gap:10px;position:relative;background:var(--soft);border-radius:6px;padding:8px}
li::before{content:counter(place);position:absolute;left:8px;top:8px;background:#000b;color:#fff;padding:0 6px;border-radius:6px 0;font-weight:bold}
p{margin:2px 0}i{display:block;background-size:100% 100%;border-radius:3px}
meter{display:block;width:150px;height:8px}
.explained{display:flex;gap:5px;margin-top:6px}figure{margin:0}.explained i{zoom:.5}figcaption{font-size:11px;color:#888;text-align:center}
`;
