; Gives the registers values of their own, goes through a door or spins, and compares.
; doors.c uses it.
default rel
section .text

%define CHECKED rbx, rbp, rdi, rsi, rdx, r8, r9, r10, r12, r13, r14, r15, rcx, r11

; The values are seed + 1, seed + 2 and so on, in memory, so that nothing but the compared
; register is needed for a comparison. %1: how many registers are to be compared.
%macro SAVE_AND_FILL 1
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [number], rdi
    %assign index 0
    %rep 14
        inc rsi
        mov [values + 8 * index], rsi
        %assign index index + 1
    %endrep
    mov [stack], rsp
    LOAD CHECKED
%endmacro

%macro LOAD 1-*
    %assign index 0
    %rep %0
        mov %1, [values + 8 * index]
        %assign index index + 1
        %rotate 1
    %endrep
%endmacro

%macro COMPARE 2-*
    %assign left %1
    %assign index 0
    %rotate 1
    %rep %0 - 1
        %if left > 0
            cmp %1, [values + 8 * index]
            mov eax, index + 1
            jne restore
        %endif
        %assign left left - 1
        %assign index index + 1
        %rotate 1
    %endrep
    cmp rsp, [stack]
    mov eax, 15
    jne restore
%endmacro

global registers_across_syscall
registers_across_syscall:
    SAVE_AND_FILL 12
    mov rax, [number]
    syscall
    COMPARE 12, CHECKED                 ; rcx and r11 are syscall's own
    xor eax, eax
    jmp restore

global registers_across_interrupt
registers_across_interrupt:
    SAVE_AND_FILL 14
    mov rax, [number]
    int 0x80
    COMPARE 14, CHECKED
    xor eax, eax
    jmp restore

global registers_across_time
registers_across_time:
    SAVE_AND_FILL 14
.again:
    COMPARE 14, CHECKED
    dec qword [number]
    jnz .again
    xor eax, eax
    jmp restore

restore:
    mov rsp, [stack]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

; uint64_t flags_across_...(uint64_t flags, uint64_t number, uint64_t argument): the flags after a
; call made with these.
%macro FLAGS 1
    pushfq
    and qword [rsp], ~0x8d5             ; the arithmetic ones that are not asked for
    or [rsp], rdi
    mov rax, rsi
    mov rdi, rdx
    popfq
    %1
    pushfq
    push 0x202
    popfq
    pop rax
    ret
%endmacro

global flags_across_syscall
flags_across_syscall:
    FLAGS syscall

global flags_across_interrupt
flags_across_interrupt:
    FLAGS int 0x80

global flags_across_time
flags_across_time:
    pushfq
    or [rsp], rdi
    popfq
.again:
    dec rsi
    jnz .again
    pushfq
    push 0x202
    popfq
    pop rax
    ret

section .bss
number: resq 1
stack: resq 1
values: resq 14
