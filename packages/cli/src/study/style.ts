export const STYLE = `
:root{color-scheme:light dark;--line:#8885}
body{font:14px/1.4 system-ui,"DejaVu Sans",sans-serif;margin:0 auto;max-width:1200px;padding:0 16px 40px}
h1{font-size:22px;margin:20px 0 4px;overflow-wrap:anywhere}h2{font-size:16px;margin:28px 0 6px}
.wide{overflow-x:auto}table{border-collapse:collapse;white-space:nowrap}
th,td{text-align:right;padding:3px 12px;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}
th:first-child{text-align:left}tbody th{font-weight:normal}li{margin:4px 0;overflow-wrap:anywhere}
`;
