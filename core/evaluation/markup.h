/*
 * What the drawn reports share: names, which anybody may have chosen, as text
 * of XML and HTML, and figures as people read them.
 */
#ifndef PRIMO_MARKUP_H
#define PRIMO_MARKUP_H

#include "core/basic/text.h"

/* Append a name as XML text, cut to about so many characters with an
 * ellipsis. Characters of double width count twice. */
void markup_name(struct text *out, const char *s, int most);
/* How many cells of a fixed width a name takes, at most `most`. */
int markup_cells(const char *s, int most);
/* Append a share as "93.5 %". What is not all, or not nothing, does not look
 * so. */
void put_percent(struct text *out, double share);
/* Begin a page of HTML, up to its title, which is not closed yet. The page
 * takes nothing from elsewhere, and is loaded anew every `renew` seconds; 0 =
 * never.
 */
void put_page(struct text *out, int renew);

#endif
