"""Pages that open from a file: one HTML file each, without scripts, and nothing that is fetched."""
