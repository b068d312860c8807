; The kernel's own entry code, in a processor that lets a program execute it: what only the kernel may do
; becomes a step of the model. arch_entry.c has the rest.
%define swapgs inc dword [rel model_swaps]
%define o64
%define sysret jmp model_sysret
%define iretq jmp model_iretq
%include "kernel/arch/entry.asm"

; void model_call(uint64_t registers[15]): what the syscall instruction does, and then the entry. The registers
; are in the order of the trap frame, behind them the program's stack pointer.
global model_call
model_call:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rel host_stack], rsp
    mov rsp, rdi
    POP_REGISTERS
    mov rsp, [rsp]                      ; the program's
    jmp system_call_entry

; Both ends: keep what the program would find, and go back to the host.
%macro KEEP 1
    mov [rel model_rsp], rsp
    lea rsp, [rel model_registers + 15 * 8]
    PUSH_REGISTERS
    mov dword [rel model_exit], %1
    mov rsp, [rel host_stack]
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    cld
    ret
%endmacro

model_sysret:
    KEEP 1
model_iretq:
    KEEP 2

; void model_gs(uint64_t base)
global model_gs
model_gs:
    mov rsi, rdi
    mov edi, 0x1001                     ; ARCH_SET_GS
    mov eax, 158                        ; arch_prctl
    syscall
    ret

global model_kernel_stack_at, model_user_stack_at
section .rodata
model_kernel_stack_at: dq CPU_KERNEL_STACK
model_user_stack_at: dq CPU_USER_STACK

global model_registers, model_swaps, model_exit, model_rsp
section .bss
alignb 16
model_registers: resq 15
model_rsp: resq 1
host_stack: resq 1
model_swaps: resd 1
model_exit: resd 1

section .note.GNU-stack noalloc noexec nowrite progbits
