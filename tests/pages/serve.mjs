// Tests of make serve in a browser: serve.mjs FOLDER MODULES, where FOLDER is a checkout that may be edited.
// Prints "ok …" or "not ok …: why" for each.
import { spawn } from "node:child_process";
import { readFile, readdir, readlink, unlink, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [folder, modules] = process.argv.slice(2).map((argument) => resolve(argument));
const { chromium } = createRequire(join(modules, "x.js"))("playwright-core");
const patience = { timeout: 120000 };
const chapter = join(folder, "book/3-07-fork.md");
const style = join(folder, "book/A-03-the-page.md");

// As at a prompt: a make above must not be noticed.
const { MAKEFLAGS, MFLAGS, MAKELEVEL, ...surroundings } = process.env;

// Starts make serve; its url is known when it has said it, its status when it has ended.
function serve(...options) {
    const process = spawn("make", ["serve", ...options], {
        cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"], env: surroundings,
    });
    const served = { process, said: "" };
    served.ended = new Promise((end) => process.on("close", end));
    served.url = new Promise((found) => {
        for (const stream of [process.stdout, process.stderr]) stream.on("data", (text) => {
            served.said += text;
            const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(served.said);
            if (url) found(url[0]);
        });
        process.on("close", () => found(null));
    });
    return served;
}

async function test(name, steps) {
    let why;
    try { why = await steps(); } catch (error) { why = error.message.split("\n")[0]; }
    console.log(why ? `not ok serve ${name}: ${why}` : `ok serve ${name}`);
}

async function edit(path, change) {
    const text = await readFile(path, "utf8");
    const changed = change(text);
    if (changed === text) throw new Error(`nothing to edit in ${path}`);
    await writeFile(path, changed);
    return () => writeFile(path, text);
}

// Waits until a page of the site is as it should be. What is saved then is saved while the book is woven: the weave has
// read the chapters, and has still to make what follows from its pages.
async function wovenTo(name, right) {
    const end = Date.now() + patience.timeout;
    while (!right(await readFile(join(folder, "site", name), "utf8").catch(() => null))) {
        if (Date.now() > end) throw new Error(`site/${name} is not woven`);
        await new Promise((later) => { setTimeout(later, 20); });
    }
}

const served = serve();
const url = await served.url;
const port = Number(/:(\d+)\/$/.exec(url)?.[1]);
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"],
});
const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
const mistakes = [];
page.on("pageerror", (error) => mistakes.push(error.message));
page.setDefaultTimeout(patience.timeout);
const overlay = page.locator("#serve-complaints");
const topOf = (id) => page.evaluate((mark) => document.getElementById(mark).getBoundingClientRect().top, id);

await test("it listens on the loopback address alone", async () => {
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    const sockets = (await readFile("/proc/net/tcp", "utf8") + await readFile("/proc/net/tcp6", "utf8"))
        .split("\n").map((line) => line.trim().split(/\s+/))
        .filter(([, local, , state]) => state === "0A" && local.endsWith(`:${hex}`)).map(([, local]) => local);
    if (sockets.join() !== `0100007F:${hex}`) return `it listens on ${sockets}`;
});

await test("a taken port is said in one sentence", async () => {
    const second = serve(`PORT=${port}`);
    const status = await second.ended;
    const lines = second.said.split("\n").filter((line) => line && !/^make: \*\*\*/.test(line));
    if (status === 0 || lines.length !== 1 || !lines[0].includes(`port ${port} is taken`)) return second.said;
});

await test("no path leads out of the site", async () => {
    const status = (path) => new Promise((found) => {
        get({ host: "127.0.0.1", port, path }, (answer) => { answer.resume(); found(answer.statusCode); });
    });
    if (await status("/page.css") !== 200) return "not even to what is in it";
    for (const path of ["/../Makefile", "/%2e%2e/Makefile", "/..%2fMakefile", "/source/..%2f..%2fMakefile",
        "//../Makefile", "/%2fetc%2fpasswd", "/%00", "/%"])
        if (await status(path) < 400) return `but ${path} does`;
});

await test("a saved sentence is shown, at the same place", async () => {
    await page.goto(`${url}3-07-fork.html`);
    await page.evaluate(() => { globalThis.old = true; });
    const id = await page.evaluate(() => {
        const heading = document.querySelectorAll("main h2[id]")[2];
        scrollTo(0, scrollY + heading.getBoundingClientRect().top - 200);
        return heading.id;
    });
    const before = await topOf(id);
    await edit(chapter, (text) => text.replace("\n## ", "\nA sentence of a test.\n\nIt goes on, and makes the page longer.\n\n## "));
    await page.getByText("A sentence of a test.").waitFor({ state: "attached" });
    await page.waitForLoadState("load");
    await page.waitForTimeout(300);
    const after = await topOf(id);
    if (Math.abs(after - before) > 3) return `what stood at ${before} stands at ${after}`;
    await page.evaluate(() => { globalThis.old = true; });
});

await test("a chapter that isn't open is no reason to load the page again", async () => {
    const other = await browser.newPage();
    await other.goto(`${url}3-08-exec.html`);
    await edit(join(folder, "book/3-08-exec.md"), (text) => text.replace("\n## ", "\nAnother sentence of a test.\n\n## "));
    await other.getByText("Another sentence of a test.").waitFor({ state: "attached", ...patience });
    await other.close();
    if (!await page.evaluate(() => globalThis.old)) return "it was loaded again";
});

await test("of two quick saves the second is shown", async () => {
    const first = await edit(chapter, (text) => text.replace("A sentence of a test.", "A first sentence."));
    await wovenTo("3-07-fork.html", (html) => html?.includes("A first sentence."));
    await first();
    await edit(chapter, (text) => text.replace("It goes on,", "It goes on for a second time,"));
    await page.getByText("It goes on for a second time,").waitFor({ state: "attached" });
    if (!await page.getByText("A sentence of a test.").count()) return "the first is shown as well";
});

await test("a new chapter is shown where there was none, and goes when its file goes", async () => {
    const added = join(folder, "book/A-99-added.md");
    const other = await browser.newPage();
    await other.goto(`${url}A-99-added.html`);
    await writeFile(added, "# Added by a test\n\nIt is new.\n");
    await other.getByText("It is new.").waitFor(patience);
    await unlink(added);
    await wovenTo("A-99-added.html", (html) => html === null);
    await edit(join(folder, "book/3-08-exec.md"), (text) => `${text}\nSaved while the book is woven.\n`);
    await other.getByText("There is no site/A-99-added.html.").waitFor(patience);
    await other.close();
});

await test("a mistake in the code is shown with its line, and goes when it is mended", async () => {
    const at = (await readFile(chapter, "utf8")).split("\n").findIndex((line) => /^<<[^/]*>>=$/.test(line)) + 1;
    const mend = await edit(chapter, (text) => text.replace(/^(<<[^/]*>>=\n[^@]*)\n@\n/m, "$1\n"));
    await overlay.waitFor();
    const said = await overlay.textContent();
    if (!said.includes(`book/3-07-fork.md, line ${at} `)) return `it says ${said}, and not line ${at}`;
    if (!await page.getByText("A sentence of a test.").count()) return "the page cannot be read any more";
    await mend();
    await overlay.waitFor({ state: "detached" });
});

await test("a mistake in the prose is shown with its line, also to who comes later", async () => {
    const mend = await edit(chapter, (text) => text.replace("A sentence of a test.", "See [it](A-99-none.md)."));
    await overlay.waitFor();
    const later = await browser.newPage();
    await later.goto(`${url}3-07-fork.html`);
    await later.locator("#serve-complaints").waitFor(patience);
    const said = await later.locator("#serve-complaints").textContent();
    await later.close();
    if (!/book\/3-07-fork\.md, line \d+ a link goes to A-99-none\.md/.test(said)) return said;
    await mend();
    await overlay.waitFor({ state: "detached" });
});

await test("a saved colour is shown", async () => {
    await edit(style, (text) => text.replace("--paper: #fdfbf6;", "--paper: #fdfbf7;"));
    await page.waitForFunction(() => getComputedStyle(document.body).backgroundColor === "rgb(253, 251, 247)");
});

await test("nothing of it is in the site", async () => {
    for (const name of await readdir(join(folder, "site")))
        if (/\.(html|js)$/.test(name) && !/^A-14-serving|^searchable/.test(name)
            && (await readFile(join(folder, "site", name), "utf8")).includes("/.serve/")) return name;
});

if (mistakes.length) console.log(`not ok serve the page's script: ${mistakes[0]}`);
await browser.close();

await test("it ends with nothing left behind", async () => {
    await edit(chapter, (text) => `${text}\nThe last words.\n`);
    await new Promise((later) => { setTimeout(later, 150); });
    process.kill(-served.process.pid, "SIGINT");
    await served.ended;
    for (const id of await readdir("/proc")) {
        const place = /^\d+$/.test(id) && await readlink(`/proc/${id}/cwd`).catch(() => "");
        if (place && (place + "/").startsWith(folder + "/")) return `process ${id} runs on`;
    }
    const again = serve(`PORT=${port}`);
    if (await again.url === null) return `the port is taken still: ${again.said}`;
    process.kill(-again.process.pid, "SIGINT");
    await again.ended;
});
