"""Writes `sections.json` with NEURON (see README.md)."""

import json
import multiprocessing
import tempfile


SPHERE = "1 1 0 0 0 5 -1\n"
CHAIN = "1 1 0 -5 0 5 -1\n2 1 0 5 0 5 1\n"
FORK = "10 3 0 5 0 1 1\n11 3 0 15 0 1 10\n12 3 10 15 0 1 11\n13 3 -10 15 0 1 11\n"
FILES = {
    "sphere": SPHERE + FORK,
    "three points": SPHERE + "2 1 0 -5 0 5 1\n3 1 0 5 0 5 1\n" + FORK,
    "three points in a row": SPHERE + "2 1 0 -5 0 5 1\n3 1 0 5 0 5 2\n" + FORK,
    "frusta": "1 1 0 -4 0 5 -1\n2 1 0 0 0 5 1\n3 1 0 4 0 2 2\n" + FORK,
    "both ends": CHAIN + FORK + "20 2 0 -8 0 1 2\n21 2 0 -20 0 1 20\n",
    "ends and middle": "1 1 0 -5 0 5 -1\n2 1 0 0 0 5 1\n3 1 0 5 0 5 2\n4 3 0 0 5 1 2\n5 3 0 0 15 1 4\n6 3 0 8 0 1 3\n"
    "7 3 0 20 0 1 6\n8 2 0 -8 0 1 1\n9 2 0 -30 0 1 8\n10 4 8 0 0 1 2\n",
    "forked soma": SPHERE + "2 1 5 0 0 2 1\n3 1 -5 0 0 2 1\n4 1 0 5 0 2 1\n5 1 0 -5 0 2 1\n" + FORK,
    "soma twice": SPHERE + "2 3 0 5 0 1 1\n3 3 0 15 0 1 2\n4 1 0 25 0 3 3\n5 3 0 35 0 1 4\n6 3 0 45 0 1 5\n",
    "fork at the first point": SPHERE
    + "2 4 0 0 9 1 1\n3 4 0 0 19 1 2\n4 3 0 8 0 1 1\n5 3 0 18 0 1 4\n6 3 10 8 0 1 4\n",
    "one point on a sphere": SPHERE + "2 4 0 8 0 .5 1\n",
    "one point on a chain": CHAIN + "3 4 0 8 0 .5 2\n",
    "begins at the centre": SPHERE + "2 3 0 0 0 1 1\n3 3 0 18 0 1 2\n4 3 0 30 0 1 3\n",
    "type changes": SPHERE + "2 3 0 5 0 1 1\n3 3 0 15 0 2 2\n4 4 0 25 0 1 3\n5 4 0 35 0 1 4\n",
    "a point twice": SPHERE + "2 3 0 5 0 1 1\n3 3 0 15 0 1 2\n4 3 0 15 0 2 3\n5 3 0 25 0 2 4\n",
    "no soma": "1 2 0 0 0 1 -1\n2 2 10 0 0 1 1\n3 2 20 5 0 1 2\n4 2 20 -5 0 2 2\n5 3 30 -5 0 2 4\n",
    "forks at the root": "1 2 0 0 0 1 -1\n2 2 10 0 0 1 1\n3 2 -20 0 0 1 1\n",
    "free roots": SPHERE + "2 3 0 5 0 1 -1\n3 3 0 15 0 1 2\n4 3 0 -5 0 1 -1\n5 3 0 -15 0 1 4\n",
}
REGIONS = {"dend": "basal", "apic": "apical"}


def sections(text):
    """By regions, the number of sections, their length and their area."""
    from neuron import h  # pyright: ignore[reportMissingImports]

    h.load_file("stdrun.hoc")
    h.load_file("import3d.hoc")
    reader = h.Import3d_SWC_read()
    with tempfile.NamedTemporaryFile("w", suffix=".swc") as file:
        file.write(text)
        file.flush()
        reader.input(file.name)
    h.Import3d_GUI(reader, 0).instantiate(None)
    found = {}
    for section in h.allsec():
        section.nseg = 101
        name = section.name().split("[")[0]
        own = found.setdefault(REGIONS.get(name, name), [0, 0.0, 0.0])
        own[0] += 1
        own[1] += section.L
        own[2] += sum(segment.area() for segment in section)
    return {name: [n, round(length, 4), round(area, 4)] for name, (n, length, area) in found.items()}


if __name__ == "__main__":
    # A process for each: sections are NEURON's own, all in one place.
    with multiprocessing.Pool(1, maxtasksperchild=1) as pool:
        found = pool.map(sections, FILES.values(), chunksize=1)
    with open("sections.json", "w") as file:
        json.dump({name: [text, x] for (name, text), x in zip(FILES.items(), found, strict=True)}, file, indent=1)
        file.write("\n")
