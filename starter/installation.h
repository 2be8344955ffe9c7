/*
 * Where this file lies, and so all that belongs to it.
 */
#ifndef INSTALLATION_H
#define INSTALLATION_H

/* The directory of the installation, above the one of this file, by the kernel's word: links were followed already. */
const char *installation(void);

#endif
