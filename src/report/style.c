/* Style and script, a line each. Colors: ink on paper has at least 4.5 : 1 for text and 3 : 1 for
 * strokes, in light and in dark; the hues are told apart with any color vision (after Okabe and Ito),
 * and dashes and shapes say the same again. */
#include "report/report.h"

/* Holds for a plot on the page and in a file of its own. */
const char *const cen__plot_style[] = {
    ":root{color-scheme:light dark;--paper:#fff;--ground:#f4f5f7;--ink:#1b222c;--soft:#55606e;",
    "--line:#d9dde3;--axis:#8a94a1;--one:#0b63a5;--two:#b04a00;--three:#00755a;--bad:#b3261e;",
    "--good:#00755a;--fill:#0b63a5;--on:#fff;--k0:#0072b2;--k1:#c04a00;--k2:#00805f;--k3:#a8437f;",
    "--k4:#8a6d00;--k5:#2f86c9;--k6:#7a4fb5;--k7:#4a5360}",
    "@media screen and (prefers-color-scheme:dark){:root{--paper:#1b2129;--ground:#12161c;",
    "--ink:#e8ecf1;--soft:#a7b1be;--line:#343d49;--axis:#7c8795;--one:#74b6f2;--two:#f2a25c;",
    "--three:#5ccfa9;--bad:#ff9c92;--good:#5ccfa9;--fill:#74b6f2;--on:#10151b;--k0:#5aaef0;",
    "--k1:#f0915a;--k2:#4cc79d;--k3:#e58cc0;--k4:#d9bd4f;--k5:#9bd3ff;--k6:#b9a0f0;--k7:#b4bdc9}}",
    ".paper{fill:var(--paper)}",
    "svg.plot{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;",
    "font-variant-numeric:tabular-nums}",
    ".plot text{fill:var(--ink)}.plot .tick{fill:var(--soft);font-size:11px}",
    ".plot .name{font-weight:600;font-size:13px}.plot .middle,.plot .count{text-anchor:middle}",
    ".plot .end{text-anchor:end}",
    ".plot path,.plot line{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}",
    ".plot .grid{stroke:var(--line);stroke-width:1}.plot .axis{stroke:var(--axis);stroke-width:1}",
    ".plot .mark{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 4}",
    ".plot .chance{stroke:var(--axis);stroke-width:1;stroke-dasharray:6 4}",
    ".plot .one{stroke:var(--one)}.plot .two{stroke:var(--two);stroke-dasharray:6 4}",
    ".plot .three{stroke:var(--three);stroke-dasharray:1 4}",
    ".plot .one.area{fill:var(--one);fill-opacity:.28}",
    ".plot .two.area{fill:var(--two);fill-opacity:.14}",
    ".plot .dot{fill:var(--paper);stroke:var(--one);stroke-width:2}",
    ".plot rect.right{fill:var(--fill)}.plot rect.wrong{fill:var(--two)}",
    ".plot .count{font-size:11px}.plot .count.on{fill:var(--on)}",
    ".points path{stroke:var(--paper);stroke-width:1}",
    ".points .center path{stroke-width:5;stroke:var(--ink)}",
    ".points .center .halo{stroke-width:11;stroke:var(--paper)}",
    ".points .small path{stroke-width:3}.points .small .halo{stroke-width:6}",
    ".points "
    ".point{font-size:24px;text-anchor:middle;font-weight:600;paint-order:stroke;stroke:var(--"
    "paper);",
    "stroke-width:6px;stroke-linejoin:round}",
    ".points .k0{fill:var(--k0)}.points .k1{fill:var(--k1)}.points .k2{fill:var(--k2)}",
    ".points .k3{fill:var(--k3)}.points .k4{fill:var(--k4)}.points .k5{fill:var(--k5)}",
    ".points .k6{fill:var(--k6)}.points .k7{fill:var(--k7)}",
    NULL};

const char *const cen__page_style[] = {
    "*{box-sizing:border-box}",
    "html{font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;",
    "color:var(--ink);background:var(--ground);-webkit-text-size-adjust:100%}",
    "body{margin:0 auto;max-width:1080px;padding:0 20px 48px}",
    "h1{font-size:1.75rem;line-height:1.2;margin:40px 0 8px;overflow-wrap:anywhere}",
    "h2{font-size:1.25rem;margin:0 0 16px;overflow-wrap:anywhere}",
    "h3{font-size:1rem;margin:28px 0 8px}h4{font-size:.9rem;margin:20px 0 8px;color:var(--soft)}",
    "p{margin:0 0 12px;max-width:70ch}.lead,.hint{color:var(--soft)}.hint{font-size:.875rem}",
    "section{background:var(--paper);border:1px solid var(--line);border-radius:10px;",
    "padding:24px;margin:20px 0}",
    "a{color:var(--one)}:focus-visible{outline:3px solid var(--one);outline-offset:2px}",
    ".skip{position:absolute;left:-999px}.skip:focus{left:12px;top:12px;background:var(--paper);",
    "padding:8px 12px;z-index:1}",
    "nav{font-size:.9rem;margin:12px 0}nav a{display:inline-block;margin-right:16px;padding:4px 0}",
    "pre{margin:0;padding:12px 14px;background:var(--ground);border:1px solid var(--line);",
    "border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere;font:.85rem/1.5 ui-monospace,",
    "SFMono-Regular,Menlo,Consolas,monospace}",
    ".facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:12px 24px;",
    "margin:0 0 20px}.facts div{min-width:0}.facts dt,.key dt{font-size:.8rem;color:var(--soft)}",
    ".facts dd,.key dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}",
    ".key{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;",
    "margin:16px 0 24px}.key div{border-left:3px solid var(--one);padding-left:12px}",
    ".key dd{font-size:1.5rem;font-weight:600;line-height:1.25}.key .none{font-size:1rem}",
    ".none{color:var(--soft);font-weight:400}",
    ".grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,360px),1fr));",
    "gap:24px 32px;align-items:start}",
    ".plot{display:block;width:100%;height:auto;overflow:visible}.wide{max-width:720px;margin:0 "
    "auto}",
    ".scroll{overflow-x:auto}.scroll "
    ".plot{min-width:var(--least);max-width:calc(1.2*var(--least))}",
    "table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;width:100%}",
    "caption{text-align:left;color:var(--soft);font-size:.85rem;padding-bottom:6px}",
    "th,td{padding:6px 12px 6px 0;border-bottom:1px solid var(--line);text-align:left;",
    "vertical-align:top}th{font-weight:600}tbody th{font-weight:500}",
    "thead th{border-bottom:2px solid var(--axis)}.n{text-align:right;white-space:nowrap}",
    "th:last-child,td:last-child{padding-right:0}",
    ".measures .note{display:inline;margin-left:10px}.measures td .note{display:block;margin:0}",
    ".beside{display:flex;flex-wrap:wrap;gap:24px 32px;align-items:flex-start}",
    ".beside>.scroll{flex:1 1 300px;max-width:100%}.beside>.scroll.matrix{flex-basis:var(--least)}",
    ".note{display:block;font-size:.8rem;font-weight:400;color:var(--soft);white-space:normal}",
    "details{margin-top:20px}summary{cursor:pointer;padding:4px 0;color:var(--one)}",
    "details thead tr:first-child th{border-bottom-width:1px}",
    "details th,details td{white-space:nowrap;font-size:.8rem}details .note{display:inline}",
    ".path{overflow-wrap:anywhere;min-width:12em}",
    ".slider{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:center;max-width:720px;",
    "margin:0 auto}.slider[hidden]{display:none}.slider input{flex:1 1 200px;height:28px;",
    "accent-color:var(--one)}.slider output{min-width:6em;font-variant-numeric:tabular-nums}",
    ".legend{display:flex;flex-wrap:wrap;gap:4px 16px;padding:0;margin:8px 0 0;list-style:none;",
    "font-size:.85rem;justify-content:center}.legend svg{width:14px;height:14px;margin-right:6px;",
    "vertical-align:-2px}",
    ".sheet{list-style:none;margin:0;padding:0;display:grid;gap:12px;",
    "grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr))}",
    ".card{display:flex;gap:14px;border:1px solid var(--line);border-radius:8px;padding:10px;",
    "break-inside:avoid;min-width:0}",
    ".query{margin:0;flex:0 0 104px;font-size:.8rem;line-height:1.3;overflow-wrap:anywhere}",
    ".query img,.query .missing{width:72px;height:72px}.bad{display:block;color:var(--bad)}",
    ".near{list-style:none;display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:6px;",
    "margin:0;padding:0 0 0 14px;",
    "border-left:1px solid var(--line);flex:1;min-width:0}",
    ".near li{min-width:0;font-size:.72rem;line-height:1.3;color:var(--soft);text-align:center}",
    ".near li>span{display:block;overflow:hidden;overflow-wrap:anywhere}",
    ".near li>.what{display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical}",
    ".near .wrong .what{color:var(--bad)}.near .right .sign{color:var(--good)}",
    "img,.missing{object-fit:contain;background:var(--ground);image-rendering:pixelated;",
    "border-radius:3px;width:56px;height:56px}",
    ".near img,.near .missing{border:2px solid "
    "transparent;padding:1px;width:62px;max-width:100%;height:62px;",
    "margin:0 auto}",
    ".near .wrong img,.near .wrong .missing{border:2px dashed var(--bad)}",
    ".missing{display:inline-block;border:1px dashed "
    "var(--axis);color:var(--soft);overflow:hidden;",
    "font-size:.68rem;line-height:1.2;overflow-wrap:anywhere;padding:3px;white-space:normal}",
    ".near li>.missing{display:block;white-space:normal}",
    ".hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);",
    "white-space:nowrap}.near li>span .hidden{display:inline-block}",
    "footer{color:var(--soft);font-size:.85rem}",
    "@media (max-width:600px){body{padding:0 12px 32px}section{padding:16px 14px}",
    "h1{font-size:1.4rem;margin-top:24px}.card{gap:10px}.query{flex-basis:84px}",
    ".near{padding-left:10px;gap:4px}.measures .note{display:block;margin:0}",
    ".measures .n{white-space:normal}}",
    "@media print{html{background:#fff;font-size:12px}body{max-width:none;padding:0}",
    "section{border:0;padding:0;margin:18px 0}nav,.skip,.slider{display:none}",
    "figure,.plot,tr,.card{break-inside:avoid}h2,h3,h4{break-after:avoid}",
    ".scroll{overflow:visible}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}",
    "details::details-content{content-visibility:visible;display:block}",
    "details th,details td{font-size:8px;padding-right:6px}}",
    NULL};

/* The slider puts another frame into the paths of the classes and moves the centers. */
const char *const cen__page_script[] = {
    "(function(){",
    "var $=function(id){return document.getElementById(id)},frames=JSON.parse($('frames')"
    ".textContent),slider=$('epoch'),plot=$('scatter');",
    "function each(query,run){Array.prototype.forEach.call(plot.querySelectorAll(query),run)}",
    "function show(){",
    "var frame=frames[slider.value],shapes={},lines={},centers={},i,p=frame.points,"
    "c=frame.centers;",
    "each('[data-label]',function(e){shapes[e.dataset.label]=e.dataset.shape;"
    "lines[e.dataset.label]=''});",
    "for(i=0;i<p.length;i+=3)lines[p[i]]+='M'+p[i+1]+' '+p[i+2]+shapes[p[i]];",
    "for(i=0;i<c.length;i+=3)centers[c[i]]='translate('+c[i+1]+' '+c[i+2]+')';",
    "each('[data-label]',function(e){"
    "e.setAttribute('d',lines[e.dataset.label])});",
    "each('[data-center]',function(e){var to=centers[e.dataset.center];"
    "e.setAttribute('visibility',to?'visible':'hidden');if(to)e.setAttribute('transform',to)});",
    "$('epoch-now').textContent='epoch '+frame.epoch;",
    "slider.setAttribute('aria-valuetext','epoch '+frame.epoch)}",
    "slider.addEventListener('input',show);slider.parentNode.hidden=false;show()})();",
    NULL};

void cen__add_lines(cen__text *text, const char *const *lines)
{
    for (; *lines != NULL; lines++) {
        cen__text_add(text, *lines);
        cen__text_add(text, "\n");
    }
}
