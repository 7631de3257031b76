/* A sum that is the only one of its loop. gcc 14, tuned for x86 in general, does not fuse its multiply
 * and add, so that tiles of one vector would round otherwise than larger ones. What passes through here it does not
 * know as such a sum; it costs no instruction. */
#ifndef CEN_KERNELS_LONE_SUM_H
#define CEN_KERNELS_LONE_SUM_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define CEN__LONE_SUM(sum) __asm__("" : "+x"(sum))
#else
#define CEN__LONE_SUM(sum) (void)0
#endif

#endif
