"""How a Winograd convolution is cut into slices, and what each keeps in the cache."""

from __future__ import annotations

from dataclasses import dataclass

from pyjsml.kernels.ops.layout import PANEL

ROWS = 4
"""Of the register tile of `pyjsml.kernels.loops`: tiles of the picture, by a panel of channels."""

ITEM = 4
"""Bytes of a float32."""

SCRATCH_BYTES = 192 * 1024
"""What the intermediates of a block may take of the second-level cache, beside a panel's weight."""

TRANSFORM, WEIGHT = 1.0, 0.5
"""Roughly what it takes to transform a quad's pixels, in panels of its products, and to read a
panel of the weight anew, in quads."""

CUTS = 8
"""How many numbers of blocks are tried, and how many of groups."""

THREADS, CALLS = (1, 2, 4), 4
"""How many threads a cut should suit, and how many calls the runtime makes for each of several."""

STAGGER = 16
"""Elements between the planes of scratch memory, one cache line. Planes a multiple of 4 KiB apart
would compete for the same lines of the first-level cache."""


@dataclass(frozen=True)
class Block:
    """A picture of `down` by `across` tiles, cut into `count` blocks of about as many quads each.

    A quad is `ROWS` tiles in the order of their rows. A slice computes one block for one of
    `groups` groups of `panels` panels of output channels. `channels` are the input's, and a tile
    takes `size`² pixels for `step`² results.
    """

    down: int
    across: int
    count: int
    groups: int
    panels: int
    channels: int
    size: int
    step: int

    @property
    def total(self) -> int:
        """How many tiles the picture has."""
        return self.down * self.across

    @property
    def quads(self) -> int:
        """How many quads hold the picture's tiles."""
        return -(-self.total // ROWS)

    @property
    def tiles(self) -> int:
        """How many tiles a block has at most."""
        return -(-self.quads // self.count) * ROWS

    @property
    def data_plane(self) -> int:
        """Elements from one tap's transformed pixels of a block to the next one's."""
        return self.tiles * self.channels + STAGGER

    @property
    def product_plane(self) -> int:
        """Elements from one tap's products of a block and a panel to the next one's."""
        return self.tiles * PANEL + STAGGER

    @property
    def scratch_bytes(self) -> int:
        """What a block's intermediates take."""
        return ITEM * self.size**2 * (self.data_plane + self.product_plane)

    @staticmethod
    def of(down: int, across: int, channels: int, columns: int, step: int) -> Block:
        """Cut a picture so that its blocks fit in the cache and several threads end together.

        `columns` are the output's channels, a multiple of a panel.
        """
        size, panels = step + 2, columns // PANEL
        quads = -(-(down * across) // ROWS)
        most = max(1, SCRATCH_BYTES // (ITEM * size**2 * (channels + PANEL) * ROWS))
        least = -(-quads // most)
        cuts = [
            Block(down, across, count, groups, panels // groups, channels, size, step)
            for count in range(least, min(least + CUTS, quads + 1))
            for groups in range(1, CUTS + 1)
            if panels % groups == 0
        ]
        return min(cuts, key=lambda cut: sum(n * cut.time(n) for n in THREADS))

    def time(self, threads: int) -> float:
        """Return how long threads that share the slices take, in products of a quad and a panel."""
        slices = self.count * self.groups
        calls = min(slices, CALLS * threads) if threads > 1 else 1
        times = [
            self._call_time(slices * call // calls, slices * (call + 1) // calls)
            for call in range(calls)
        ]
        return max(
            sum(times[calls * thread // threads : calls * (thread + 1) // threads])
            for thread in range(threads)
        )

    def _call_time(self, begin: int, end: int) -> float:
        """Return how long a call for the slices from `begin` to before `end` takes."""
        time = 0.0
        for at in range(begin, end):
            number, group = divmod(at, self.groups)
            quads = self.quads * (number + 1) // self.count - self.quads * number // self.count
            time += (quads + WEIGHT) * self.panels
            if group == 0 or at == begin:
                time += TRANSFORM * quads
        return time
