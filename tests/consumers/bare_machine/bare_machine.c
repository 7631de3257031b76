/* Checks the C file of a model on a machine without an operating system and without a library: exits with 0 if the test
 * picture has its feature, bit by bit, and prints how many bytes of stack that took.
 *
 *     -DFILE='"NAME.c"' -DNAME_CHECK -DCHECK=NAME_check -DWORK=NAME_work_size */
#include FILE

enum { PAINTED = 16384, PAINT = 0xA5 };

static float work[WORK];

#if defined(__arm__)
extern char stack_end[];
void start(void);

/* Semihosting: an operation and its argument for the debugger, which is qemu. */
static void call_host(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

static void write_text(const char *text)
{
    call_host(4, text);
}

static void leave(int code)
{
    const int reason[2] = {0x20026, code};
    call_host(0x20, reason);
    for (;;) continue;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {stack_end,
                                                                                   (void *)start};

static void start_processor(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xF << 20; /* the floating-point unit */
    __asm__ volatile("dsb\n isb");
}
#elif defined(__riscv)
void start(void) __asm__("_start");

static long call_system(long number, long a, long b, long c)
{
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
    return a0;
}

static void write_text(const char *text)
{
    long size = 0;
    while (text[size] != '\0') size++;
    (void)call_system(64, 1, (long)text, size);
}

static void leave(int code)
{
    for (;;) (void)call_system(93, code, 0, 0);
}

static void start_processor(void) {}
#endif

#if defined(__wasm__)
__attribute__((export_name("check"))) int check(void)
{
    return CHECK(work);
}
#else
/* The numbers below the stack's end that are no longer painted. */
static int check_painted(int *good)
{
    volatile uint8_t *const bottom = (uint8_t *)__builtin_frame_address(0) - PAINTED;
    int left = 0;
    for (int i = 0; i < PAINTED - 256; i++) bottom[i] = PAINT;
    *good = CHECK(work);
    while (left < PAINTED && bottom[left] == PAINT) left++;
    return PAINTED - left;
}

void start(void)
{
    char digits[8] = "     \n";
    int good = 0;
    start_processor();
    int used = check_painted(&good);
    for (int i = 4; i >= 0 && used > 0; i--, used /= 10) digits[i] = (char)('0' + used % 10);
    write_text(digits);
    leave(good ? 0 : 1);
}
#endif
