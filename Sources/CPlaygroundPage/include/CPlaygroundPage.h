// SPDX-License-Identifier: Apache-2.0

#ifndef C_PLAYGROUND_PAGE_H
#define C_PLAYGROUND_PAGE_H

#include <stddef.h>

/// A file of the page.
typedef struct {
    /// The path below `Page/`.
    const char *path;
    const unsigned char *bytes;
    size_t length;
} playground_page_file;

/// Returns the first of all files of the page, which are next to each other in memory.
const playground_page_file *playground_page_files_start(void);

/// The number of files.
extern const size_t playground_page_file_count;

/// Returns the largest number of bytes that `playground_page_gzip` writes for a file of a length.
size_t playground_page_gzip_bound(size_t length);

/// Compresses bytes in the format of gzip.
///
/// Returns the number of bytes that were written, or 0 if there is not enough room or memory.
size_t playground_page_gzip(
    const unsigned char *source, size_t length, unsigned char *destination, size_t capacity);

#endif
