// SPDX-License-Identifier: Apache-2.0

#include "CPlaygroundPage.h"

#include <string.h>
#include <zlib.h>

enum {
    // The largest window, and the number with which zlib writes the header of gzip.
    gzip_window_bits = 15 + 16,
    memory_level = 9,
    header_and_trailer = 18,
};

size_t playground_page_gzip_bound(size_t length) {
    return compressBound((uLong)length) + header_and_trailer;
}

size_t playground_page_gzip(
    const unsigned char *source, size_t length, unsigned char *destination, size_t capacity) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window_bits, memory_level, Z_DEFAULT_STRATEGY)
        != Z_OK) {
        return 0;
    }
    stream.next_in = (z_const Bytef *)source;
    stream.avail_in = (uInt)length;
    stream.next_out = destination;
    stream.avail_out = (uInt)capacity;
    int result = deflate(&stream, Z_FINISH);
    size_t written = stream.total_out;
    deflateEnd(&stream);
    return result == Z_STREAM_END ? written : 0;
}
