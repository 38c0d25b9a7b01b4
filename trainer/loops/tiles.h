/*
 * Where the tiles of Winograd's algorithm are. Each gives step x step pixels of
 * a result, so neighbouring tiles are `step` pixels apart; the last one of a
 * row or column may hang over the picture's edge.
 */
#ifndef PRIMO_TILES_H
#define PRIMO_TILES_H

/* The upper left pixel of a tile's results. */
struct tile_position {
    int picture, y, x;
};

/* Tiles in one row of a picture. */
static inline int tiles_aside(int side, int step)
{
    return (side + step - 1) / step;
}

/* The position of a tile that is counted through all pictures. */
static inline struct tile_position tile_position_of(int side, int step,
                                                    int tile)
{
    int aside = tiles_aside(side, step), one = aside * aside;
    int rest = tile % one;
    return (struct tile_position){tile / one, rest / aside * step,
                                  rest % aside * step};
}

/* Moves on to the next tile. */
static inline void tile_position_next(struct tile_position *at, int side,
                                      int step)
{
    at->x += step;
    if (at->x >= side) {
        at->x = 0;
        at->y += step;
    }
    if (at->y >= side) {
        at->y = 0;
        at->picture++;
    }
}

#endif
