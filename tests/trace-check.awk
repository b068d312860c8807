# Checks that the text of a trace could be the truth: awk -f trace-check.awk TRACE. It prints what can't.
#
# Time doesn't run backwards; states follow each other as the tables in the kernel say, each step
# beginning where the last one ended; a switch leaves from the thread that runs and the next event on
# that processor is the other thread's; traps and calls nest and pair; who is woken becomes ready.
function wrong(text) {
    print FILENAME ":" FNR ": " text ": " $0
    if (++mistakes == 10)
        exit
}

function value(key,    i) {
    for (i = 5; i <= NF; i++)
        if (index($i, key "=") == 1)
            return substr($i, length(key) + 2)
    return ""
}

function allow(what, from, list,    names, i) {
    split(list, names, " ")
    for (i in names)
        legal[what, from, names[i]] = 1
}

BEGIN {
    allow("process", "Created", "Alive Dead")
    allow("process", "Alive", "Stopped Zombie")
    allow("process", "Stopped", "Alive")
    allow("process", "Zombie", "Dead")
    allow("thread", "Created", "Ready Dead")
    allow("thread", "Ready", "Running")
    allow("thread", "Running", "Ready Waiting Sleeping Stopped Dead")
    allow("thread", "Waiting", "Ready")
    allow("thread", "Sleeping", "Ready")
    allow("thread", "Stopped", "Ready")
}

# A state's step: of what, and whose state it is.
function step(what, who,    from, to) {
    from = value("from")
    to = value("to")
    if (!((what, from, to) in legal))
        wrong("a " what " makes an illegal step")
    if (from != ((what, who) in state ? state[what, who] : "Created"))
        wrong("a " what " was not in this state")
    state[what, who] = to
}

{
    time = $1; cpu = $2; who = $3; event = $4
    events++
}

NF < 5 || time !~ /^[0-9]+$/ || cpu !~ /^[0-9]+$/ || who !~ /^[0-9]+\.[0-9]+$/ { wrong("no event"); next }
time + 0 < last + 0 { wrong("time runs backwards") }
{ last = time }

cpu in runs && runs[cpu] != who { wrong("not " runs[cpu] " runs here") }
{ runs[cpu] = who }

event == "switch" {
    if (value("from") != who)
        wrong("a switch from another thread")
    if (value("to") == who)
        wrong("a switch to the same thread")
    runs[cpu] = value("to")
    switches++
}

event == "process_new" { made[value("pid")] = 1 }
event == "process_state" { step("process", value("pid")) }
event == "process_state" && value("to") == "Dead" { ended[value("pid")] = 1 }
event == "thread_state" {
    step("thread", value("pid") "." value("tid"))
    if (value("to") == "Waiting" && value("on") == "")
        wrong("a wait for nothing")
}

event == "wakeup" { woken[cpu] = value("pid") "." value("tid"); next }
cpu in woken && event !~ /^trap_/ {
    if (event != "thread_state" || value("pid") "." value("tid") != woken[cpu] || value("to") != "Ready")
        wrong("the one who was woken isn't ready")
    delete woken[cpu]
}

# A thread's first way out of the kernel has no way in; afterwards they pair.
event == "trap_enter" { trap[who, ++traps[who]] = value("vector"); enters++ }
event == "trap_exit" {
    if (traps[who] > 0) {
        if (trap[who, traps[who]--] != value("vector"))
            wrong("another trap ends than began")
    } else {
        if (who in left || value("user") != 1)
            wrong("a trap ends that has not begun")
        left[who] = 1
    }
}

event == "call_enter" {
    if (who in call)
        wrong("a call within a call")
    call[who] = value("call")
    called++
}
event == "call_exit" {
    if (call[who] != value("call"))
        wrong("the result of a call that was not made")
    if (value("call") == "fork" && value("result") + 0 > 0 && !(value("result") in made))
        wrong("a fork of nobody")
    delete call[who]
}
event == "lost" { wrong("events were lost") }

# What was begun goes on at the end of the trace only for those who never end: the kernel, init, the
# console, and whoever turned the machine off.
END {
    if (mistakes)
        exit 1
    if (event != "power_off")
        print FILENAME ": the trace doesn't end with the machine: " $0
    for (pid in made)
        if (pid > 3 && !(pid in ended) && pid "." 1 != who)
            print FILENAME ": process " pid " was made and hasn't ended"
    if (switches < 5 || enters < 50 || called < 20)
        print FILENAME ": too few events: " events
}
