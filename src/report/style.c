/* Style and script, line by line. Colors: ink on paper has at least 4.5 : 1 for text and 3 : 1 for
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
    ".plot .r0,.plot .r8{stroke:var(--k0)}.plot .r1,.plot .r9{stroke:var(--k1)}",
    ".plot .r2,.plot .r10{stroke:var(--k2)}.plot .r3,.plot .r11{stroke:var(--k3)}",
    ".plot .r4,.plot .r12{stroke:var(--k4)}.plot .r5,.plot .r13{stroke:var(--k5)}",
    ".plot .r6,.plot .r14{stroke:var(--k6)}.plot .r7,.plot .r15{stroke:var(--k7)}",
    ".plot .r1,.plot .r5,.plot .r8,.plot .r12{stroke-dasharray:7 4}",
    ".plot .r2,.plot .r6,.plot .r9,.plot .r13{stroke-dasharray:1 4}",
    ".plot .r3,.plot .r7,.plot .r10,.plot .r14{stroke-dasharray:7 4 1 4}",
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
    ".points .off{opacity:.07}.points .ring{fill:none;stroke:var(--ink);stroke-width:3}",
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
    ".facts{columns:2 400px;column-gap:32px;margin:0 0 20px;font-size:.875rem}",
    ".facts div{display:grid;grid-template-columns:150px minmax(0,1fr);gap:12px;padding:3px 0;",
    "break-inside:avoid}.facts dt,.key dt{color:var(--soft)}.key dt{font-size:.8rem}",
    ".facts dd,.key dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}",
    ".key{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;",
    "margin:16px 0 24px}.key div{border-left:3px solid var(--one);padding-left:12px}",
    ".key dd{font-size:1.5rem;font-weight:600;line-height:1.25}.key .none{font-size:1rem}",
    ".none{color:var(--soft);font-weight:400}",
    ".grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,360px),1fr));",
    "gap:24px 32px;align-items:start}",
    ".plot{display:block;width:100%;height:auto;overflow:visible}.wide{max-width:720px;margin:0 "
    "auto}",
    ".plot.key-line{display:inline-block;width:28px;height:8px;min-width:0;margin-right:6px}",
    ".wide{position:relative}.point-card{position:absolute;z-index:1;margin:0;padding:6px 8px;",
    "max-width:220px;font-size:.8rem;line-height:1.3;overflow-wrap:anywhere;pointer-events:none;",
    "background:var(--paper);border:1px solid var(--axis);border-radius:6px}",
    ".point-card[hidden],.legend [hidden]{display:none}",
    ".cell{display:block;width:64px;height:64px;background-repeat:no-repeat;margin-bottom:4px;",
    "image-rendering:pixelated}",
    ".many .legend{max-height:230px;overflow-y:auto}.pick-bar{display:flex;flex-wrap:wrap;gap:8px;",
    "justify-content:center;align-items:center;margin:12px auto 0;font-size:.85rem}",
    ".legend label{display:inline-flex;align-items:center;gap:2px;overflow-wrap:anywhere}",
    "button,input[type=search]{font:inherit;color:inherit;background:var(--ground);",
    "border:1px solid var(--axis);border-radius:5px;padding:2px 10px}",
    "th "
    "button{font-weight:600;background:none;border:0;padding:0;cursor:pointer;text-align:inherit}",
    "th button::after{content:' \\2195';color:var(--soft)}",
    "th[aria-sort=ascending] button::after{content:' \\2191'}",
    "th[aria-sort=descending] button::after{content:' \\2193'}",
    ".classes tbody th,.classes td:last-child{overflow-wrap:anywhere;min-width:9em}",
    ".results tbody th,.results td,.results .note{white-space:nowrap}",
    ".epochs td,.classes td:not(:last-child){text-align:right;white-space:nowrap}",
    ".long{max-height:620px;overflow-y:auto}.sets{margin:0 0 20px;padding-left:20px;",
    "color:var(--soft);font-size:.875rem}.sets b{color:var(--ink)}",
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
    "font-size:.85rem;justify-content:center}.legend "
    ".points{width:14px;height:14px;margin-right:6px;",
    "vertical-align:-2px}", ".sheet{list-style:none;margin:0;padding:0;display:grid;gap:12px;",
    "grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr))}",
    ".card{display:flex;gap:14px;border:1px solid var(--line);border-radius:8px;padding:10px;",
    "break-inside:avoid;min-width:0}",
    ".query{margin:0;flex:0 0 104px;font-size:.8rem;line-height:1.3;overflow-wrap:anywhere}",
    ".query img,.query .missing{width:72px;height:72px}.bad{display:block;color:var(--bad)}",
    ".near{list-style:none;display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:6px;",
    "margin:0;padding:0 0 0 14px;", "border-left:1px solid var(--line);flex:1;min-width:0}",
    ".near li{min-width:0;font-size:.72rem;line-height:1.3;color:var(--soft);text-align:center}",
    ".near li>span{display:block;overflow:hidden;overflow-wrap:anywhere}",
    ".near li>.what{display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical}",
    ".near .wrong .what{color:var(--bad)}.near .right .sign{color:var(--good)}",
    "img,.missing{object-fit:contain;background:var(--ground);image-rendering:pixelated;",
    "border-radius:3px;width:56px;height:56px}",
    ".near img,.near .missing{border:2px solid "
    "transparent;padding:1px;width:62px;max-width:100%;height:62px;",
    "margin:0 auto}", ".near .wrong img,.near .wrong .missing{border:2px dashed var(--bad)}",
    ".missing{display:inline-block;border:1px dashed "
    "var(--axis);color:var(--soft);overflow:hidden;",
    "font-size:.68rem;line-height:1.2;overflow-wrap:anywhere;padding:3px;white-space:normal}",
    ".near li>.missing{display:block;white-space:normal}",
    ".hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);",
    "white-space:nowrap}.near li>span .hidden{display:inline-block}",
    "footer{color:var(--soft);font-size:.85rem}",
    "@media (max-width:600px){.plot .tick{font-size:14px}.plot .label{font-size:13px}",
    ".points .point{font-size:30px}.matrix .plot .tick{font-size:11px}body{padding:0 12px "
    "32px}section{padding:16px 14px}",
    "h1{font-size:1.4rem;margin-top:24px}.card{gap:10px}.query{flex-basis:84px}",
    ".near{padding-left:10px;gap:4px}.measures .note{display:block;margin:0}",
    ".measures .n{white-space:normal}}",
    /* What is outside of the window is laid out when it comes near; the length is a guess until then. */
    "section{content-visibility:auto;contain-intrinsic-size:auto 900px}",
    "@page{margin:12mm}@media "
    "print{section{content-visibility:visible}html{background:#fff;font-size:12px}body{max-width:"
    "none;padding:0}",
    "section{border:0;padding:0;margin:18px 0}nav,.skip,.slider,.pick-bar,.legend "
    "input,.point-card{display:none}",
    "figure,.plot,tr,.card{break-inside:avoid}h2,h3,h4{break-after:avoid}",
    ".scroll,.many "
    ".legend{overflow:visible;max-height:none}*{print-color-adjust:exact;-webkit-print-color-"
    "adjust:exact}",
    "details::details-content{content-visibility:visible;display:block}",
    "details th,details td{font-size:8px;padding-right:6px}",
    ".epochs th,.epochs td{font-size:6.5px;padding-right:3px}th button::after{content:''}}", NULL};

/* Sorts tables, moves the points of the plane, shows the picture of a point, and picks classes. Names are only ever
 * set as text. */
const char *const cen__page_script[] = {
    "(function(){", "'use strict';", "var $=function(id){return document.getElementById(id)};",
    "function all(root,query){return Array.prototype.slice.call(root.querySelectorAll(query))}",
    "function make(name,parent,text){var "
    "e=document.createElement(name);if(text)e.textContent=text;",
    "if(parent)parent.appendChild(e);return e}",
    /* A click on the head of a long table sorts it. */
    "all(document,'.long table').forEach(function(table){",
    "all(table,'thead th').forEach(function(th,column){",
    "var "
    "button=make('button',null,th.textContent);button.type='button';th.textContent='';th."
    "appendChild(button);",
    "button.onclick=function(){",
    "var body=table.tBodies[0],down=th.getAttribute('aria-sort')==='ascending';",
    "function key(row){var t=row.cells[column].textContent,x=parseFloat(t.replace(/,/g,''));",
    "return th.className==='n'?(isNaN(x)?-1:x):t}",
    "var rows=all(body,'tr').map(function(row){return[key(row),row]});",
    "rows.sort(function(a,b){var o=typeof a[0]==='number'?a[0]-b[0]:",
    "a[0].localeCompare(b[0],undefined,{numeric:true});return down?-o:o});",
    "rows.forEach(function(row){body.appendChild(row[1])});",
    "all(table,'th').forEach(function(e){e.removeAttribute('aria-sort')});",
    "th.setAttribute('aria-sort',down?'descending':'ascending')}})});", "if(!$('frames'))return;",
    /* The slider puts another frame into the paths of the classes and moves the centers. */
    "var "
    "frames=JSON.parse($('frames').textContent),slider=$('epoch'),plot=$('scatter'),box=$('plane-"
    "plot');",
    "var "
    "paths=all(plot,'[data-label]'),crosses=all(plot,'[data-center]'),labels=frames[0].labels,"
    "frame;",
    "frames.forEach(function(f){labels=f.labels=f.labels||labels});", "function show(){",
    "var lines={},i,p;frame=frames[slider.value];p=frame.points;",
    "for(i=0;i<p.length;i+=2)if(p[i]>=0)(lines[frame.labels[i/2]]=lines[frame.labels[i/"
    "2]]||[]).push(p[i]+' '+p[i+1]);",
    "paths.forEach(function(e){var "
    "s=e.dataset.shape;e.setAttribute('d',(lines[e.dataset.label]||[])",
    ".map(function(at){return'M'+at+s}).join(''))});",
    "crosses.forEach(function(e,i){var x=frame.centers[2*i],y=frame.centers[2*i+1];",
    "e.setAttribute('visibility',x>=0?'visible':'hidden');",
    "e.setAttribute('transform','translate('+x+' '+y+')')});",
    "$('epoch-now').textContent='epoch '+frame.epoch;",
    "slider.setAttribute('aria-valuetext','epoch '+frame.epoch);leave()}",
    /* The point under the pointer, or the next one by the arrow keys, shows its picture and name. */
    "var names=all(document,'#point-names li'),sprite=$('sprite'),card=$('point'),at=-1;",
    "var ring=document.createElementNS('http://www.w3.org/2000/svg','circle');",
    "ring.setAttribute('class','ring');ring.setAttribute('r',14);ring.setAttribute('visibility','"
    "hidden');",
    "plot.querySelector('.points').appendChild(ring);",
    "function leave(){at=-1;card.hidden=true;ring.setAttribute('visibility','hidden')}",
    "function point(i){",
    "var "
    "x=frame.points[2*i],y=frame.points[2*i+1],label=frame.labels[i],scale,side,columns,picture;",
    "var path=paths.filter(function(e){return e.dataset.label===String(label)})[0];",
    "at=i;card.textContent='';card.hidden=false;",
    "if(sprite&&names[i]&&names[i].dataset.cell!==undefined){",
    "side=+sprite.dataset.side;columns=+sprite.dataset.columns;scale=64/"
    "side;picture=make('span',card);",
    "picture.className='cell';picture.style.backgroundImage='url('+sprite.src+')';",
    "picture.style.backgroundSize=64*columns+'px auto';",
    "picture.style.backgroundPosition=-64*(i%columns)+'px '+-64*Math.floor(i/columns)+'px'}",
    "make('b',card,path.querySelector('title').textContent);",
    "if(names[i])make('span',card,' '+names[i].textContent);",
    "ring.setAttribute('cx',x);ring.setAttribute('cy',y);ring.setAttribute('visibility','visible')"
    ";",
    "x=x/2/plot.viewBox.baseVal.width*box.clientWidth;y=y/2/"
    "plot.viewBox.baseVal.height*box.clientHeight;",
    "card.style.left=Math.max(0,Math.min(x+14,box.clientWidth-card.offsetWidth))+'px';",
    "card.style.top=y+14+'px'}",
    "function shown(i){return frame.points[2*i]>=0&&!off[frame.labels[i]]}",
    "function nearest(event){",
    "var r=plot.getBoundingClientRect(),k=2*plot.viewBox.baseVal.width/r.width,best=400,found=-1;",
    "var x=(event.clientX-r.left)*k,y=(event.clientY-r.top)*k;",
    "for(var i=0;i<frame.labels.length;i++)if(shown(i)){",
    "var "
    "d=Math.pow(frame.points[2*i]-x,2)+Math.pow(frame.points[2*i+1]-y,2);if(d<best){best=d;found=i}"
    "}",
    "if(found>=0)point(found);else leave()}",
    "box.addEventListener('pointermove',nearest);box.addEventListener('pointerdown',nearest);",
    "box.addEventListener('pointerleave',leave);box.addEventListener('blur',leave);",
    "box.tabIndex=0;box.setAttribute('role','application');",
    "box.setAttribute('aria-label','Features in the plane: arrow keys go from picture to "
    "picture');",
    "box.addEventListener('keydown',function(event){",
    "var step={ArrowRight:1,ArrowDown:1,ArrowLeft:-1,ArrowUp:-1}[event.key],n=frame.labels.length;",
    "if(event.key==='Escape')leave();if(!step)return;event.preventDefault();",
    "for(var i=at<0&&step<0?0:at,k=0;k<n;k++){i=(i+step+n)%n;if(shown(i))return point(i)}});",
    /* One picks classes in the legend; the others are faint. */
    "var off={},picker=$('picker'),items=picker?all(picker,'li'):[],bar;",
    "function fade(){[paths,crosses].forEach(function(list){list.forEach(function(e){",
    "e.setAttribute('class',e.getAttribute('class').replace(/ off/g,'')+",
    "(off[e.dataset.label||e.dataset.center]?' off':''))})});leave()}",
    "items.forEach(function(item){",
    "var label=make('label'),input=make('input',label);input.type='checkbox';input.checked=true;",
    "while(item.firstChild)label.appendChild(item.firstChild);item.appendChild(label);",
    "input.onchange=function(){off[item.dataset.pick]=!input.checked;fade()}});",
    "function pick(value){items.forEach(function(item){if(item.hidden)return;",
    "item.querySelector('input').checked=value;off[item.dataset.pick]=!value});fade()}",
    "if(items.length>1){",
    "bar=make('p');bar.className='pick-bar';picker.insertBefore(bar,picker.firstChild);",
    "if(picker.className==='many'){",
    "var search=make('label',bar,'Find a class '),field=make('input',search);field.type='search';",
    "field.oninput=function(){var s=field.value.toLowerCase();items.forEach(function(item){",
    "item.hidden=item.textContent.toLowerCase().indexOf(s)<0})}}",
    "make('button',bar,'Show all').onclick=function(){pick(true)};",
    "make('button',bar,'Show none').onclick=function(){pick(false)};",
    "all(bar,'button').forEach(function(e){e.type='button'})}",
    "slider.addEventListener('input',show);if(frames.length>1)slider.parentNode.hidden=false;show()"
    "})();",
    NULL};

void cen__add_lines(cen__text *text, const char *const *lines)
{
    for (; *lines != NULL; lines++) {
        cen__text_add(text, *lines);
        cen__text_add(text, "\n");
    }
}
