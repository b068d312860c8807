// Where the book has what a page shows: origin(PAGE, TEXT) is "book/CHAPTER.md:LINE", or nothing if no chapter has it.
// Run alone, it reads complaints "PAGE:LINE: SENTENCE" about pages, and puts the chapter's line before those that have one.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { createInterface } from "node:readline";

const chapters = new Map();

// A text without what Markdown and HTML write differently.
const letters = (text) => text.replace(/<[^>]*>/g, "").replace(/&#?\w+;/g, "").toLowerCase().replace(/[^a-z0-9]/g, "");

async function read(path) {
    const chapter = { text: "", lines: [] };
    const written = await readFile(path, "utf8").catch(() => "");
    for (const line of written.split("\n")) {
        chapter.lines.push(chapter.text.length);
        chapter.text += letters(line);
    }
    return chapter;
}

export async function origin(page, text) {
    const path = `book/${basename(page, ".html")}.md`;
    if (!chapters.has(path)) chapters.set(path, await read(path));
    const { text: written, lines } = chapters.get(path);
    const sought = letters(text);
    for (const length of [60, 30, 15]) {
        const at = sought.length < 8 ? -1 : written.indexOf(sought.slice(0, length));
        if (at >= 0) return `${path}:${lines.findLastIndex((begin) => begin <= at) + 1}`;
    }
}

if (basename(process.argv[1] ?? "") === "origin.mjs") {
    for await (const complaint of createInterface(process.stdin)) {
        const [, page, line] = /^(\S+\.html):(\d+): /.exec(complaint) ?? [];
        const html = page ? (await readFile(page, "utf8")).split("\n") : [];
        const place = await origin(page ?? "", html[line - 1] ?? "") ?? await origin(page ?? "", html[line - 2] ?? "");
        console.log(place ? `${place}: ${complaint}` : complaint);
    }
}
