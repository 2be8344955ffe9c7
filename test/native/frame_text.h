/* Frames as words, there and back: what transcripts are written in. */
#ifndef FRAME_TEXT_H
#define FRAME_TEXT_H

#include <stdint.h>

/*
 * Makes the bytes of the frame that the words name, and returns how many. Words are separated by single blanks:
 *
 *     PLAN segment-bytes size...            DATA position length
 *     REPORT here|lost|ready|reused|straggler first count
 *     FAIL code position text               VERDICT fail code position text
 *     VERDICT go ready reused lost          WANT|CREDIT|ELSEWHERE position
 *     HAVE, BYE, MOVED, PING, STRAGGLER
 */
uint32_t frame_of_text(uint8_t *out, const char *words);

/* Writes a frame's words; returns how many bytes the frame has. */
uint32_t text_of_frame(char *out, uint32_t room, const uint8_t *bytes);

#endif
