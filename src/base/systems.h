/* Decides which of os_*.c and thread_*.c are compiled. A system without threads and folders (a microcontroller, WASI),
 * or CEN_PLAIN_C, takes those that need only the C library. */
#ifndef CEN_BASE_SYSTEMS_H
#define CEN_BASE_SYSTEMS_H

#if defined(CEN_PLAIN_C)
#define CEN__WINDOWS 0
#define CEN__POSIX 0
#elif defined(_WIN32)
#define CEN__WINDOWS 1
#define CEN__POSIX 0
#elif defined(__unix__) || defined(__APPLE__) || defined(__HAIKU__)
#define CEN__WINDOWS 0
#define CEN__POSIX 1
#else
#define CEN__WINDOWS 0
#define CEN__POSIX 0
#endif

#endif
