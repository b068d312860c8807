// Tests of the woven pages in a browser: pages.mjs SITE MODULES [all]. Prints "ok …" or "not ok …: why" for each.
import { createServer } from "node:http";
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { origin } from "./origin.mjs";

const [site, modules, scope] = process.argv.slice(2).map((argument, i) => (i < 2 ? resolve(argument) : argument));
const require = createRequire(join(modules, "x.js"));
const { chromium } = require("playwright-core");
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
});

const types = { html: "text/html", css: "text/css", js: "text/javascript", svg: "image/svg+xml" };
const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
    try {
        const text = await readFile(join(site, path === "/" ? "index.html" : path));
        response.writeHead(200, { "Content-Type": types[path.split(".").pop()] ?? "text/html" }).end(text);
    } catch {
        response.writeHead(404).end();
    }
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const roots = { disk: `file://${site}/`, server: `http://127.0.0.1:${server.address().port}/` };

// Runs a test on a page of its own, and says how it went. A mistake in the page's script fails it too.
// ONLY=WORDS, in the environment, leaves out all tests but those with the words in their names.
async function test(name, address, options, steps) {
    if (!name.includes(process.env.ONLY ?? "")) return;
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
    const page = await context.newPage();
    const mistakes = [];
    page.on("pageerror", (error) => mistakes.push(`a mistake in the page's script: ${error.message}`));
    page.setDefaultTimeout(20000);
    try {
        await page.goto(address);
        const why = await steps(page, context);
        if (why) mistakes.push(why);
    } catch (error) {
        mistakes.push(error.message.split("\n")[0]);
    }
    await context.close();
    console.log(mistakes.length ? `not ok pages ${name}: ${mistakes.join("; ")}` : `ok pages ${name}`);
}

const chapter = "3-07-fork.html";
for (const [where, root] of Object.entries(roots)) {
    await test(`search finds names and text (${where})`, root + chapter, {}, async (page) => {
        await page.keyboard.press("/");
        await page.locator(".search input").fill("frame_alloc");
        const first = page.locator(".search li a").first();
        if (!(await first.textContent()).startsWith("frame_alloc ")) return "the name is not the first";
        await page.keyboard.press("Escape");
        if (await page.locator("dialog[open]").count()) return "the Escape key does not close the box";
        await page.keyboard.press("/");
        await page.locator(".search input").fill("lost wakup");
        await page.locator(".search li a", { hasText: "Sleep and wakeup" }).first().waitFor();
        await page.locator(".search input").fill("frame_alloc");
        await page.keyboard.press("ArrowDown");
        await page.keyboard.press("Enter");
        await page.waitForURL(/1-04-frames\.html#chunk-/);
    });
    await test(`what was looked for is marked (${where})`, root + chapter, {}, async (page, context) => {
        const marks = (entry) => entry.locator("mark").evaluateAll((all) => all.map((mark) => mark.textContent));
        const list = page.locator(".search li a");
        await page.keyboard.press("/");
        await page.locator(".search input").fill("alloc frame ");
        await list.first().waitFor();
        const name = list.filter({ hasText: /^frame_alloc / }).first();
        if ((await marks(name)).join() !== "frame,alloc") return `of a name is marked ${await marks(name)}`;
        const devtools = await context.newCDPSession(page);
        const read = (await devtools.send("Accessibility.getFullAXTree")).nodes
            .filter(({ role }) => role?.value === "link").map((node) => node.name.value);
        if (!read.some((words) => /^frame_alloc \w+ in kernel\/mm\/frame\.c$/.test(words)))
            return `a screen reader says ${read.filter((words) => words.includes("frame"))[0]}`;
        await page.locator(".search input").fill("lost wakup");
        const section = list.filter({ hasText: "Sleep and wakeup" }).filter({ has: page.locator("small mark") }).first();
        await section.waitFor();
        const found = await marks(section);
        if (!found.includes("lost") || !found.some((word) => /^wakeups?$/i.test(word))) return `of a section is marked ${found}`;
        const others = (await marks(page.locator(".search li"))).filter((word) => !/^(lost|wakeups?)$/i.test(word));
        if (others.length) return `for lost wakup is marked ${others}`;
        if (!await list.locator(":is(b, span) mark").count()) return "no title has a mark";
        await page.locator(".search input").fill("cat");
        const parts = (await marks(page.locator(".search small"))).filter((word) => !/^cat/i.test(word));
        if (parts.length) return `for cat is marked ${parts}`;
        for (const word of ["++", "(", "[a", "<b>", "\\"]) {
            await page.locator(".search input").fill(word);
            await page.waitForTimeout(50);
        }
        if (await list.locator("b b").count()) return "what is typed becomes HTML";
    });
    await test(`a definition at a glance, by mouse and by keyboard (${where})`, root + chapter, {}, async (page) => {
        const name = page.locator(".chunk code a", { hasText: "process_create" }).first();
        await name.hover();
        const panel = page.locator(".look");
        await panel.waitFor({ state: "visible" });
        if (!/process_create\(/.test(await panel.textContent())) return "the panel has no definition";
        await page.keyboard.press("Escape");
        if (await panel.isVisible()) return "the Escape key does not take the panel away";
        await page.mouse.move(0, 0);
        await name.focus();
        await panel.waitFor({ state: "visible" });
        if (await name.getAttribute("aria-describedby") !== "look-words") return "a screen reader is not told";
    });
    await test(`chunks open in their places, to any depth (${where})`, root + "1-04-frames.html", {}, async (page) => {
        const skeleton = page.locator("#chunk-kernel-mm-frame-c");
        const before = await skeleton.locator("pre > code").textContent();
        await skeleton.locator(".open").nth(1).click();
        await skeleton.locator(".opened .open").first().click();
        await skeleton.locator(".opened .opened").waitFor();
        await skeleton.locator(".open").nth(1).click();
        if (await skeleton.locator("pre > code").textContent() !== before) return "folding does not restore the chunk";
    });
    await test(`a chunk is shown in its file, with the lines around it (${where})`, root + chapter, {}, async (page) => {
        const id = "#chunk-give-the-copies-back";
        const chunk = page.locator(id);
        const shown = () => chunk.locator("pre").evaluateAll((boxes) => boxes.map((box) => {
            const lines = box.querySelector("code").cloneNode(true);
            lines.querySelectorAll(".nth").forEach((number) => number.remove());
            return lines.textContent.split("\n").map((line) => line.trim());
        }));
        const file = (await readFile(join(site, "../generated/kernel/proc/fork.c"), "utf8")).split("\n");
        const contains = (lines) => file.map((line) => line.trim()).join("\n").includes(lines.join("\n"));
        await chunk.locator(".where").click();
        await chunk.locator(".around").first().waitFor();
        const [above, own, below] = await shown();
        if (above.length !== 8 || below.length !== 8) return `there are ${above.length} lines above and ${below.length} below`;
        if (!contains([...above, ...own, ...below])) return "the lines are not the file's";
        const number = Number(await chunk.locator(".nth").first().textContent());
        if (file[number - 1].trim() !== above[0]) return "the numbers are not the file's";
        await chunk.locator(".more").first().click();
        const [higher] = await shown();
        if (higher.length !== 16 || !contains([...higher, ...own])) return "there are no more lines on demand";
        if (await chunk.locator(".where").getAttribute("aria-expanded") !== "true") return "the button does not say that it is open";
        await page.keyboard.press("w");
        await chunk.locator(".around").first().waitFor({ state: "detached" });
        await page.mouse.move(0, 0);
        await page.evaluate((place) => { document.activeElement.blur(); location.hash = place; }, id);
        await page.keyboard.press("w");
        await chunk.locator(".place a").click();
        await page.waitForURL(/source\/kernel\/proc\/fork\.c\.html#line-\d+$/);
    });
    await test(`from a chunk to its place in the file, and back (${where})`, root + chapter, {}, async (page) => {
        await page.locator(".chunk-links a code", { hasText: "fork.c" }).first().click();
        await page.waitForURL(/source\/kernel\/proc\/fork\.c\.html#chunk-/);
        await page.locator("details .line > span a").first().click();
        await page.waitForURL(/3-07-fork\.html#chunk-/);
    });
}

await test("copies are exact", roots.disk + chapter, {}, async (page) => {
    await page.evaluate(() => {
        navigator.clipboard.writeText = async (text) => { globalThis.copied = text; };
    });
    const figure = page.locator("#chunk-kernel-proc-fork-c");
    await figure.locator(".open").first().click();
    await figure.locator(".opened").waitFor();
    await figure.locator(".copy").click();
    const text = await page.evaluate(() => globalThis.copied);
    const book = await readFile(join(site, "../book/3-07-fork.md"), "utf8");
    if (!book.includes(`<<kernel/proc/fork.c>>=\n${text}@\n`)) return "the text is not the book's";
    await page.locator(".terminal .copy").first().click();
    const typed = await page.evaluate(() => globalThis.copied);
    if (/^\$|^ *$/.test(typed)) return `of a session is copied: ${typed}`;
});

await test("keys turn the pages and show the card", roots.disk + chapter, {}, async (page) => {
    await page.keyboard.press("?");
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("Escape");
    const card = ["search", "next chapter", "where does this go"];
    await page.keyboard.press("?");
    const words = await page.locator("dialog[open]").textContent();
    for (const key of card) if (!words.includes(key)) return `the card does not say ${key}`;
    await page.keyboard.press("Escape");
    await page.keyboard.press("n");
    await page.waitForURL(/3-08-exec\.html/);
    await page.keyboard.press("p");
    await page.waitForURL(/3-07-fork\.html/);
    for (const place of ["#the-idea", "#the-function", "#the-idea"]) {
        await page.keyboard.press(place === "#the-idea" && page.url().includes("#") ? "k" : "j");
        await page.waitForURL((url) => url.hash === place);
        await page.locator(`.sections [aria-current][href="${place}"]`).waitFor();
    }
});

await test("keys can be turned off, and on again", roots.server + chapter, {}, async (page) => {
    const turn = async () => {
        await page.locator("#page-keys").click();
        await page.locator("dialog[open] button").click();
        await page.keyboard.press("Escape");
    };
    await turn();
    for (const key of ["n", "?", "/"]) await page.keyboard.press(key);
    if (await page.locator("dialog[open]").count() || !page.url().endsWith(chapter)) return "a key does something";
    await page.reload();
    await page.keyboard.press("n");
    if (!page.url().endsWith(chapter)) return "the choice is not kept";
    await turn();
    await page.keyboard.press("n");
    await page.waitForURL(/3-08-exec\.html/);
});

await test("the contents at the side follow the reader to the end", roots.disk + "2-02-the-trap-frame.html", { viewport: { width: 1400, height: 260 } }, async (page) => {
    const links = page.locator(".sections a");
    const current = page.locator(".sections [aria-current]");
    await page.keyboard.press("End");
    await page.waitForFunction(() => document.querySelector(".sections li:last-child [aria-current]"));
    const [list, place] = [await page.locator(".sections ol").boundingBox(), await current.boundingBox()];
    if (place.y < list.y || place.y + place.height > list.y + list.height) return "the section is outside of the list";
    await page.setViewportSize({ width: 1400, height: 1400 });
    for (let i = await links.count() - 1; i >= 0; i--) {
        const href = await links.nth(i).getAttribute("href");
        await links.nth(i).evaluate((link) => link.click());
        await page.locator(`.sections [aria-current][href="${href}"]`).waitFor();
    }
});

await test("numbers and arrows are looked at as names are", roots.disk + "2-02-the-trap-frame.html", {}, async (page) => {
    const panel = page.locator(".look");
    for (const what of [".chunk-links a:not([href*='source/'])", ".sequence a"]) {
        const link = page.locator(what).first();
        await link.scrollIntoViewIfNeeded();
        await link.focus();
        await panel.waitFor({ state: "visible" });
        if (!/\d\.\d+ .*\n?.*\w/.test(await panel.textContent())) return `the panel of ${what} is empty`;
        await page.keyboard.press("Escape");
        await panel.waitFor({ state: "hidden" });
    }
    await page.locator(".chunk > figcaption .number").first().focus();
    await page.waitForTimeout(500);
    if (await panel.isVisible()) return "a chunk is explained by itself";
});

await test("what cannot be loaded leaves all as it was", roots.server + chapter, {}, async (page) => {
    await page.route(/shelf\//, (route) => route.abort());
    const before = await page.locator(".chapter").innerHTML();
    await page.locator("button.open").first().click();
    await page.locator(".where").first().click();
    await page.waitForTimeout(300);
    if (await page.locator(".chapter").innerHTML() !== before) return "something has changed";
    await page.locator(".chunk-links a").first().focus();
    await page.waitForTimeout(600);
    if (await page.locator(".look").isVisible()) return "there is a panel with nothing in it";
});

await test("words of code are like all others", roots.disk + "A-02-weaving.html", {}, async (page) => {
    const differ = await page.evaluate(() => Array.from(document.querySelectorAll(".chunk code > span[class]")).find((word) => {
        const { display, userSelect } = getComputedStyle(word);
        return display !== "inline" || userSelect === "none";
    })?.outerHTML);
    if (differ) return `${differ} is not`;
});

await test("the reader's theme is kept, and there is no flash", roots.server + chapter, { colorScheme: "light" }, async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.keyboard.press("t");
    const dark = await ground();
    if (light === dark) return "the key t changes nothing";
    await page.goto(roots.server + "index.html", { waitUntil: "commit" });
    await page.locator("h1").waitFor();
    if (await ground() !== dark) return "the next page has forgotten it";
});

await test("the system's theme is the default", roots.disk + chapter, { colorScheme: "dark" }, async (page) => {
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    if (!/^rgb\((\d|[1-5]\d), /.test(ground)) return `the ground is ${ground}`;
});

for (const width of [320, 390, 820, 1400]) {
    await test(`nothing is wider than ${width} pixels`, roots.disk + chapter, { viewport: { width, height: 800 } }, async (page) => {
        for (const place of [chapter, "index.html", "2-02-the-trap-frame.html", "source/kernel/mm/frame.c.html", "files.html"]) {
            await page.goto(roots.disk + place);
            const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            if (over > 0) return `${place} is ${over} pixels wider than the window`;
        }
    });
}

await test("all of it works without the script", roots.disk + chapter, { javaScriptEnabled: false }, async (page) => {
    if (await page.locator("button:visible").count()) return "a button is shown that does nothing";
    await page.locator(".chunk .use").first().click();
    if (!/#chunk-/.test(page.url())) return "a use leads nowhere";
    await page.goto(roots.disk + "source/kernel/mm/frame.c.html");
    const landmark = page.locator(".source details").first();
    await landmark.locator("summary").first().click();
    if (await landmark.locator(".line").first().isVisible()) return "a landmark does not fold";
});

const chapters = (await readdir(site)).filter((name) => /^(\d+|[A-Z])-\d\d-.*\.html$/.test(name));
for (const place of scope === "all" ? chapters : ["2-02-the-trap-frame.html", "9-03-the-shell.html"]) {
    await test(`${place} is shown within a second, and nothing moves`, roots.disk + place, {}, async (page) => {
        const measure = () => page.evaluate(() => new Promise((done) => {
            let moved = 0;
            new PerformanceObserver((list) => list.getEntries().forEach((entry) => { moved += entry.value; }))
                .observe({ type: "layout-shift", buffered: true });
            setTimeout(() => done([performance.getEntriesByName("first-contentful-paint")[0].startTime, moved]), 500);
        }));
        if (await page.evaluate(() => document.getAnimations().length)) return "something moves by itself";
        let [painted, moved] = await measure();
        for (let i = 0; i < 3 && painted > 1000; i++) {
            await page.reload();
            [painted, moved] = await measure();
        }
        if (painted > 1000) return `it is shown after ${painted} ms`;
        if (moved > 0) return `the layout shifts by ${moved}`;
    });
}

await test("no chapter with its style and script is larger than 300 KB, compressed", roots.disk + chapter, {}, async () => {
    const size = async (name) => gzipSync(await readFile(join(site, name)), { level: 9 }).length;
    let shared = 0;
    for (const name of ["page.css", "fonts.css", "page.js", "icon.svg"]) shared += await size(name);
    for (const name of chapters) {
        const sum = shared + await size(name);
        if (sum > 300 * 1024) return `${name} is ${sum} bytes`;
    }
});

await test("lines of prose have 60 to 75 characters, and 100 columns of code fit", roots.disk + "2-02-the-trap-frame.html", { viewport: { width: 1280, height: 900 } }, async (page) => {
    const [prose, fits] = await page.evaluate(() => {
        const lengths = Array.from(document.querySelectorAll(".chapter > p")).flatMap((paragraph) => {
            const lines = Math.round(paragraph.clientHeight / parseFloat(getComputedStyle(paragraph).lineHeight));
            return lines > 4 ? [paragraph.textContent.length / (lines - 0.5)] : [];
        }).sort((a, b) => a - b);
        const code = document.querySelector(".chunk.wide pre > code");
        code.textContent = "x".repeat(100);
        return [lengths[lengths.length >> 1], code.parentElement.scrollWidth <= code.parentElement.clientWidth];
    });
    if (prose < 60 || prose > 75) return `lines have ${prose} characters`;
    if (!fits) return "100 columns do not fit";
});

await test("panels have two widths; what is wider than its box has a shadow; no sign stands alone", roots.disk + "1-04-frames.html", {}, async (page) => {
    const widths = await page.evaluate(() => Array.from(new Set(Array.from(document.querySelectorAll(".chunk"),
        (chunk) => Math.round(chunk.getBoundingClientRect().width)))));
    if (widths.length !== 2) return `panels are ${widths.join(" and ")} wide`;
    for (const width of [820, 390]) {
        await page.setViewportSize({ width, height: 1000 });
        const bad = await page.evaluate(() => Array.from(document.querySelectorAll(".chunk")).flatMap((chunk) => {
            const code = chunk.querySelector("pre");
            const plain = code.scrollWidth > code.clientWidth && !getComputedStyle(code).backgroundImage.includes("gradient");
            const line = (node, end) => {
                const range = document.createRange();
                range.setStart(node, end ? node.length - 1 : 0);
                range.setEnd(node, end ? node.length : 1);
                return range.getBoundingClientRect().top;
            };
            const name = chunk.querySelector(".name");
            const words = document.createTreeWalker(name, NodeFilter.SHOW_TEXT).nextNode();
            const alone = Math.abs(line(words, true) - line(name.nextSibling, true)) > 12;
            return [plain && `${chunk.id} goes on without a sign`, alone && `the sign of ${chunk.id} stands alone`].filter(Boolean);
        }));
        if (bad.length) return `at ${width} pixels ${bad[0]}`;
    }
});

await test("on paper no code is cut off, and its lines stand close", roots.disk + "1-04-frames.html", { viewport: { width: 560, height: 800 } }, async (page) => {
    await page.emulateMedia({ media: "print" });
    for (const place of ["1-04-frames.html", "source/kernel/mm/frame.c.html"]) {
        await page.goto(roots.disk + place);
        const bad = await page.evaluate(() => Array.from(document.querySelectorAll("pre, .source, .source .line")).find((box) =>
            box.scrollWidth > box.clientWidth || parseFloat(getComputedStyle(box).lineHeight) > 1.6 * parseFloat(getComputedStyle(box).fontSize))
            ?.textContent.slice(0, 60));
        if (bad) return `of ${place} is: ${bad}`;
    }
});

await test("the script moves nothing that is there already", roots.disk + "A-12-the-reference.html", {}, async (page, context) => {
    const places = (shown) => shown.evaluate(() => JSON.stringify(["h1", ".chapter > p", ".chunk-links", ".chunk ~ p"]
        .map((what) => [what, Math.round(document.querySelector(what).getBoundingClientRect().top * 2) / 2])));
    const still = await (await context.browser().newContext({ javaScriptEnabled: false, viewport: { width: 1400, height: 900 } })).newPage();
    await still.goto(page.url());
    if (await places(page) !== await places(still)) return `${await places(still)} become ${await places(page)}`;
    await still.close();
});

await test("the prose around the chapters is no wider than theirs", roots.disk + "2-00-traps.html", {}, async (page) => {
    const measure = () => page.evaluate(() => Math.max(...Array.from(document.querySelectorAll("main div > p"), (p) => p.clientWidth)));
    const part = await measure();
    await page.goto(roots.disk + "2-02-the-trap-frame.html");
    if (part > await measure()) return `it is ${part} pixels wide`;
});

await test("headings and figures have links to themselves, and the chapter to its source", roots.disk + "2-02-the-trap-frame.html", {}, async (page) => {
    for (const [box, what] of [["h2", "section"], ["figure.drawing", "figure"]]) {
        const link = page.locator(`${box} .anchor`).first();
        const seen = () => link.evaluate((sign) => getComputedStyle(sign).opacity);
        if (await seen() !== "0") return `the sign of a ${what} is seen unasked`;
        await link.focus();
        await page.keyboard.press("Shift+Tab");
        await page.keyboard.press("Tab");
        if (await seen() !== "1") return `the sign of a ${what} is not seen by keyboard`;
        await page.keyboard.press("Enter");
        const id = await page.evaluate(() => document.querySelector(":target")?.closest("h2, figure")?.localName);
        if (id !== box.split(".")[0]) return `the link of a ${what} leads to ${id}`;
    }
    await page.keyboard.press("e");
    await page.waitForURL(/book\/2-02-the-trap-frame\.md$/);
    if (!/^# The trap frame/.test(await page.locator("body").textContent())) return "the source is not the chapter's";
});

await test("on a touched screen the links to headings are always seen", roots.disk + chapter, { hasTouch: true, isMobile: true, viewport: { width: 390, height: 800 } }, async (page) => {
    const seen = await page.locator("h2 .anchor").first().evaluate((sign) => getComputedStyle(sign).opacity);
    if (seen !== "1") return "they are not";
});

// A page with an aside, a hint and a footnote.
const notes = "A-06-without-leaving-the-page.html";
for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? "" : ", without the script";
    await test(`asides stand in the margin, and fold on a phone${how}`, roots.disk + notes, { javaScriptEnabled }, async (page) => {
        const aside = page.locator(".aside").first();
        const text = aside.locator("p").first();
        const column = await page.locator(".chapter").boundingBox();
        if ((await text.boundingBox()).x < column.x + column.width) return "the aside is not in the margin";
        if (await aside.locator("summary").isVisible()) return "in the margin an aside can be folded";
        await page.setViewportSize({ width: 390, height: 800 });
        if (await text.isVisible()) return "on a phone the aside is open";
        await aside.locator("summary").click();
        if (!await text.isVisible()) return "on a phone the aside does not open";
    });
    await test(`hints are folded, and open by keyboard; paper shows them${how}`, roots.disk + notes, { javaScriptEnabled }, async (page) => {
        const hint = page.locator(".hint").first();
        const text = hint.locator("p").first();
        if (await text.isVisible()) return "a hint is shown unasked";
        await hint.locator("summary").focus();
        await page.keyboard.press("Enter");
        if (!await text.isVisible()) return "the hint does not open";
        await page.keyboard.press("Enter");
        await page.emulateMedia({ media: "print" });
        if (!await text.isVisible()) return "on paper the hint is lost";
        if (!await page.locator(".aside p").first().isVisible()) return "on paper the aside is lost";
    });
}

await test("a footnote is looked at in its place, and leads there and back", roots.disk + notes, {}, async (page) => {
    const reference = page.locator(".footnote-ref").first();
    await reference.focus();
    const panel = page.locator(".look");
    await panel.waitFor({ state: "visible" });
    if (!/1\.4\.13/.test(await panel.textContent())) return "the panel does not show the note";
    await page.keyboard.press("Escape");
    await reference.click();
    if (!page.url().endsWith("#fn1")) return "the reference does not lead to the note";
    await page.locator("#fn1 .footnote-back").click();
    if (!page.url().endsWith("#fnref1")) return "the note does not lead back";
});

// Accessibility: the rules of WCAG 2, A and AA, in both themes. The night changes nothing but colours, so by night only
// the rules about these are tried.
const some = ["index.html", chapter, "2-02-the-trap-frame.html", "source/kernel/arch/entry.asm.html", "files.html"];
const every = (await readdir(site, { recursive: true })).filter((name) => name.endsWith(".html"));
const rules = {
    light: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
    dark: { type: "rule", values: ["color-contrast", "link-in-text-block"] },
};
async function violations(page) {
    await page.evaluate(axe);
    const told = [];
    for (const [colorScheme, runOnly] of Object.entries(rules)) {
        await page.emulateMedia({ colorScheme });
        const options = { runOnly, resultTypes: ["violations"] };
        const found = await page.evaluate((wanted) => globalThis.axe.run(document, wanted), options);
        for (const { id, nodes: [first, ...others] } of found.violations) {
            const text = await page.evaluate((target) => {
                const element = document.querySelector(target);
                return (element?.closest("p, li, td, th, figcaption, h1, h2, h3, h4, pre") ?? element)?.textContent ?? "";
            }, first.target[0]);
            const place = await origin(new URL(page.url()).pathname, text) ?? "the page";
            told.push(`${place}: ${id} at ${first.target} and ${others.length} more (${colorScheme})`);
        }
    }
    return told.join("; ");
}
// A recorded run can be stepped through.
const played = "3-07-fork.html";
const paneOf = (page, name) => page.locator(`.pane[aria-label="${name}"]`);
for (const [where, root] of Object.entries(roots)) {
    await test(`a run is stepped through by keyboard, forwards and back, from ${where}`, root + played, {}, async (page) => {
        await page.locator(".play button").press("Enter");
        const step = page.locator(".player .step");
        await step.waitFor();
        const first = await step.textContent();
        if (!/^1 of \d+\. sh to kernel: fork/.test(first)) return `it begins with: ${first}`;
        if (await paneOf(page, "child").count()) return "the child has a pane before it is there";
        await page.keyboard.press("ArrowRight");
        const memory = (name) => paneOf(page, name).locator("dl", { hasText: "7ffffffff000" }).textContent();
        if (await memory("sh") !== await memory("child")) return "the child's memory is not its parent's";
        if (!await paneOf(page, "child").locator("mark").count()) return "what is new is not marked";
        await page.keyboard.press("End");
        if (!/^(\d+) of \1\. kernel back to sh/.test(await step.textContent())) return `it ends with: ${await step.textContent()}`;
        if (!/Dead/.test(await paneOf(page, "child").textContent())) return "the child is not dead at the end";
        if (await memory("child") === await memory("sh")) return "the child has its parent's memory after exec";
        await page.keyboard.press("Home");
        if (await step.textContent() !== first) return "back at the first step it says something else";
        if (await page.locator("[aria-current='step']").count() !== 1) return "not one row is marked as the current one";
        await page.keyboard.press("Escape");
        if (await page.locator(".player").count()) return "Escape does not close the player";
        if (!await page.locator(".play button").evaluate((one) => one === document.activeElement)) return "the focus is lost";
    });
}
await test("a step leads to the chunk of its event", roots.disk + played, {}, async (page) => {
    await page.locator(".play button").click();
    await page.locator("[data-go=on]").click();
    await page.locator(".player .step a").click();
    if (!/#chunk-/.test(page.url())) return `it leads to ${page.url()}`;
});
await test("a finger steps through a run on a phone", roots.disk + played, { viewport: { width: 390, height: 800 }, hasTouch: true }, async (page) => {
    await page.locator(".play button").tap();
    const step = page.locator(".player .step");
    await step.waitFor();
    const push = (from, to) => step.evaluate((element, [x1, x2]) => {
        for (const [type, clientX] of [["pointerdown", x1], ["pointerup", x2]])
            element.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerType: "touch", clientX }));
    }, [from, to]);
    await push(300, 100);
    if (!/^2 of/.test(await step.textContent())) return `pushed to the left: ${await step.textContent()}`;
    await push(100, 300);
    if (!/^1 of/.test(await step.textContent())) return `pushed back: ${await step.textContent()}`;
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > 390) return `the page is ${wide} pixels wide`;
});
await test("the player keeps the rules of accessibility", roots.disk + played, {}, async (page) => {
    await page.locator(".play button").click();
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
    return violations(page);
});
await test("without JavaScript no button promises a player", roots.disk + played, { javaScriptEnabled: false }, async (page) => {
    if (await page.locator(".play button").isVisible()) return "the button is there";
    if (!await page.locator(".run .sequence").first().isVisible()) return "the picture isn't";
});

const places = scope === "all" ? every : some;
await Promise.all(["one", "two"].map(async () => {
    for (let place = places.shift(); place; place = places.shift()) {
        await test(`${place} keeps the rules of accessibility, light and dark`, roots.disk + place, {}, violations);
    }
}));
await test("what the search box has found keeps the rules of accessibility", roots.disk + chapter, {}, async (page) => {
    await page.keyboard.press("/");
    await page.locator(".search input").fill("wakeup");
    await page.locator(".search mark").first().waitFor();
    for (const place of [".search input", ".search li:nth-child(9) a"]) {
        await page.locator(place).focus();
        const told = await violations(page);
        if (told) return told;
    }
});
await test("a picture without words, and text that is faint at night, are noticed with their lines", roots.disk + chapter, {}, async (page) => {
    await page.evaluate(() => {
        const paragraph = document.querySelector("main h2 ~ p");
        paragraph.insertAdjacentHTML("beforeend", '<img src="icon.svg"><style>@media (prefers-color-scheme: dark) { p { color: #333 } }</style>');
    });
    const found = (await violations(page)).split("; ");
    for (const fault of [/image-alt .*\(light\)$/, /color-contrast .*\(dark\)$/]) {
        if (!found.some((sentence) => /^book\/3-07-fork\.md:\d+: /.test(sentence) && fault.test(sentence))) return `what is noticed: ${found}`;
    }
    if (found.some((sentence) => /color-contrast.*\(light\)$/.test(sentence))) return `by day is noticed: ${found}`;
});

await browser.close();
server.close();
