-- Tests of the writer of sequence diagrams: what it makes of event texts, and what it says of wrong
-- ones. It runs inside pandoc, whose Lua draws the book's pictures too:
--     pandoc --from plain --lua-filter tests/sequence.lua
local said
local function stop(message)
    said = message
    error("stopped", 0)
end

local function escape(text)
    return (text:gsub("&", "&amp;"):gsub("<", "&lt;"):gsub(">", "&gt;"):gsub('"', "&quot;"))
end

local function here(address) return (address:gsub("^own%.html#", "#")) end
local draw = assert(loadfile("generated/weave/sequence.lua"))(stop, escape, here)

-- Rows are written with a bar between the fields, and a newline after each.
local function drawn(rows)
    said = nil
    local done, svg = pcall(draw, (rows:gsub("|", "\t")), "figure-1", "x.events")
    if not done and not said then said = "it broke: " .. svg end
    return done and svg or ""
end

local function report(name, why)
    print(why and "not ok figures sequence: " .. name .. ": " .. why or "ok figures sequence: " .. name)
end

-- The picture of these rows has, in this order, these pieces of text.
local TWO = "about|||Two parties.\nparty|a||`a`\nparty|b||the <other>\n"
local function shows(name, rows, ...)
    local svg, from = drawn(rows), 1
    local missing = said
    for _, piece in ipairs { ... } do
        local _, last = svg:find(piece, from, true)
        if not last then
            missing = missing or "it lacks " .. piece
            break
        end
        from = last
    end
    report(name, missing)
end

local function refuses(name, rows, sentence)
    drawn(rows)
    report(name, said ~= sentence and (said or "nothing is said") or nil)
end

shows("a lane for each party", TWO .. "call|a|b|hello\n", '<line class="life" x1="25%"', ">a</tspan>",
    '<line class="life" x1="75%"', "the &lt;other&gt;")
shows("a picture has a title", TWO .. "call|a|b|hello\n", 'aria-labelledby="figure-1-title"',
    '<title id="figure-1-title">Two parties.</title>')
shows("a call is an arrow with words, and read aloud", TWO .. "call|a|b|`read`\n",
    'aria-label="a to the &lt;other&gt;: read"', '<line class="arrow call" x1="25%" x2="75%"',
    '<tspan class="code">read</tspan>')
shows("a return is dashed and has an open head", TWO .. "return|b|a|3 bytes\n",
    '<line class="arrow return" x1="75%" x2="25%"', 'class="head open"')
shows("a signal has an open head", TWO .. "signal|a|b|wakes\n", 'class="arrow signal"', 'class="head open"')
shows("an event is a link", TWO .. "call|a|b|x|3.4|own.html#chunk-x\n",
    '<a href="#chunk-x" aria-label="a to the &lt;other&gt;: x 3.4">', 'class="chunk-number"', ">3.4</text>")
shows("a party calls itself", TWO .. "self|a|a|thinks\n", 'aria-label="a: thinks"', 'x1="0" x2="1.4em"',
    'x1="1.4em" x2="0"')
shows("a state is a box on the life", TWO .. "state|b||Waiting\n", 'aria-label="the &lt;other&gt; is Waiting"',
    '<rect class="state"', ">Waiting</text>")
shows("a remark", TWO .. "note|a||says nothing\n", 'class="note"', "says nothing")
shows("a life that begins later", TWO .. "born|a|b|a copy\n", 'aria-label="a makes the &lt;other&gt;: a copy"',
    '<rect class="party"')
shows("a life that ends", TWO .. "call|a|b|x\ndied|b\n", '<path class="died"')
shows("who runs has a bar", TWO .. "call|a|b|x\nswitch|a|b\ncall|b|a|y\nreturn|a|b|z\n",
    '<rect class="bar"', '<rect class="bar"')
shows("a break in time dots the lives", TWO .. "call|a|b|x\ncut|||1 ms later\ncall|b|a|y\n",
    '<line class="life skipped"', 'class="cut"', "1 ms later")
shows("a span of time is a bracket with its length", TWO .. "span|a||asleep|1.2|p.html#c\ncall|b|b|x\ndone|a||10 ms\n",
    '<line class="span"', 'href="p.html#c" aria-label="a: asleep: 10 ms 1.2"', ">asleep: 10 ms</text>")
shows("a group is a frame, and a list within the list", TWO .. "group|||the copy\ncall|a|b|x\nclose\ncall|b|a|y\n",
    '<rect class="group"', '<g role="listitem"><text class="group"', '<g role="list" aria-label="the copy">',
    'a to the &lt;other&gt;: x', "</g></g>", 'the &lt;other&gt; to a: y')
shows("a phase has a title and a rule", TWO .. "phase|||Later\ncall|a|b|x\n", '<line class="phase"', ">Later</text>")

-- A long one is folded by its phases, each with the parties that act in it.
local many = TWO .. "party|c||c\nphase|||One\n" .. ("call|a|b|x\n"):rep(20) .. "phase|||Two\n"
    .. ("call|b|c|y\n"):rep(20)
shows("a long one is folded by phase", many, '<div role="group" aria-label="Two parties.">',
    '<details open="open"><summary>One</summary>', 'style="--lives:2"', 'id="figure-1-1-title"',
    '<details open="open"><summary>Two</summary>', 'style="--lives:2"', 'id="figure-1-2-title"')
report("a phase has only the parties that act in it", (select(2, drawn(many):gsub(">c</text>", "")) ~= 1
    or select(2, drawn(many):gsub(">the &lt;other&gt;</text>", "")) ~= 2) and "it has others" or nil)

-- Nothing is outside of a phone: no width is fixed but that of words and boxes.
report("places across are in percent", drawn(TWO .. "call|a|b|x\n"):find('x[12]="[%d.]+"') and "some are not" or nil)

refuses("an unknown row is reported", TWO .. "shout|a|b|x\n", "x.events:4: no row of a diagram is called `shout`")
refuses("an unknown party is reported", TWO .. "call|a|c|x\n", "x.events:4: there is no party `c`")
refuses("an arrow without an end is reported", TWO .. "call|a||x\n", "x.events:4: the row `call` needs two parties")
refuses("a state of nobody is reported", TWO .. "state|||Ready\n", "x.events:4: the row `state` needs a party")
refuses("a party that is there twice is reported", TWO .. "party|a||a\n", "x.events:4: the party `a` is there twice")
refuses("a party without a name is reported", "party|||a\n", "x.events:1: a party needs a name")
refuses("a party that comes late is reported", TWO .. "call|a|b|x\nparty|c||c\n",
    "x.events:5: a party stands above all events")
refuses("who has ended does nothing more", TWO .. "died|b\ncall|a|b|x\n", "x.events:5: the life of `b` ended in line 4")
refuses("a span that is never done is reported", TWO .. "span|a||x\n",
    "x.events:4: the text ends, but the span of line 4 is not done")
refuses("a span that has not begun is reported", TWO .. "done|a||1 s\n", "x.events:4: no span of `a` has begun")
refuses("two spans of one party are reported", TWO .. "span|a||x\nspan|a||y\n",
    "x.events:5: a span of `a` has begun already")
refuses("a span across phases is reported", TWO .. "span|a||x\nphase|||P\n",
    "x.events:5: a phase begins, but the span of line 4 is not done")
refuses("a group that is never closed is reported", TWO .. "group|||x\ncall|a|b|y\n",
    "x.events:5: the text ends, but the group of line 4 is not closed")
refuses("a group within a group is reported", TWO .. "group|||x\ngroup|||y\n",
    "x.events:5: a group stands within that of line 4")
refuses("a close without a group is reported", TWO .. "close\n", "x.events:4: there is no group to close")
refuses("an empty text is reported", TWO, "x.events:3: nothing happens in this diagram")
refuses("words too long for a phone are reported", TWO .. "call|a|b|" .. ("word "):rep(15) .. "\n",
    "x.events:4: these words are too long for a phone: " .. ("word "):rep(15))
refuses("a name too long for a phone is reported", TWO .. "party|c||" .. ("c"):rep(20) .. "\ncall|a|b|x\n",
    "x.events:4: a party's name is too long for a phone: " .. ("c"):rep(20))
refuses("a long one without phases is reported", TWO .. ("call|a|b|x\n"):rep(31),
    "x.events:4: a diagram of more than 30 events begins with a phase")
os.exit(0)
