"""How a Winograd convolution is cut into slices, and what each keeps in the cache."""

from __future__ import annotations

from dataclasses import dataclass

from pyjsml.kernels.layout import PANEL

ROWS, LANES = 4, 4
"""The register tile of `pyjsml.kernels.loops`: 4 tiles of the picture by a panel of channels."""

ITEM = 4
"""Bytes of a float32."""

SCRATCH_BYTES = 192 * 1024
"""What the intermediates of a block may take of the second-level cache, beside a panel's weight."""

QUADS = 4
"""Register tiles of a block: with fewer, more of the weight is read than reused."""

SLICES = 8
"""Slices of the parallel loop that are enough for any number of threads."""

GROUP_PANELS = 16
"""Panels of channels that are worth transforming the same pixels for in another slice."""

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
        """Cut a picture so that its blocks fit in the cache and each thread gets as many of them.

        `columns` are the output's channels, a multiple of a panel.
        """
        size, panels = step + 2, columns // PANEL
        quads = -(-(down * across) // ROWS)
        most = max(1, SCRATCH_BYTES // (ITEM * size**2 * (channels + PANEL) * ROWS))
        count = max(-(-quads // most), min(SLICES, quads // QUADS), 1)
        count = min(count + count % 2, quads) if count > 1 else count
        wanted = max(min(-(-SLICES // count), panels // GROUP_PANELS), 1)
        groups = next(number for number in range(wanted, 0, -1) if panels % number == 0)
        return Block(down, across, count, groups, panels // groups, channels, size, step)
