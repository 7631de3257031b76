/* What a Cortex-M begins with, for small_machine.c in an emulator: stack, start, and a floating-point unit that is
 * switched on. */
#include <stdint.h>

extern void _start(void);

static void reset(void)
{
    volatile uint32_t *const coprocessors = (volatile uint32_t *)0xE000ED88u; /* CPACR */
    *coprocessors |= 0xFu << 20;
    __asm volatile("dsb\n isb");
    _start();
}

static void fault(void)
{
    for (;;) continue;
}

extern void (*const vectors[16])(void);
__attribute__((section(".vectors"))) void (*const vectors[16])(void) = {
    (void (*)(void))0x20400000u, reset, fault, fault, fault, fault, fault};
