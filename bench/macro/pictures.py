"""Pictures of what was measured, as SVG that is the same for the same numbers."""

COLOURS = {
    "bound": "#9e9e9e", "bound-copy": "#cfcfcf",
    "kernel": "#5b8db8", "kernel-epoll": "#5b8db8", "kernel-zerocopy": "#9dbcd4",
    "tunic": "#c0392b", "tunic-poll": "#d98880", "tunic-epoll": "#e6b0aa",
    "tunic-lend": "#7b241c", "tunic-zerocopy": "#7b241c",
    "lwip": "#a9d18e", "lwip-tuned": "#6aa84f", "lwip-65520": "#38761d",
    "gvisor": "#e69138", "gvisor-own": "#f6c99a",
}
OF_BULK = {"receive": "bulk to the stack", "send": "bulk from the stack", "rr": "request and answer"}


def draw(parts, folder):
    """[(file, title)] of what could be drawn. ImportError without Matplotlib."""
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "tunic", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
                                "axes.spines.right": False, "legend.frameon": False, "font.family": "sans-serif"})
    import matplotlib.pyplot as plt
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, title, picture in (("stacks.svg", "Each stack beside the bound", stacks), ("sizes.svg", "By the octets of a message", sizes),
                                 ("connections.svg", "By the number of connections", connections),
                                 ("latency.svg", "How long requests take", latency)):
        if figure := picture(plt, parts):
            figure.savefig(folder / name, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")), bbox_inches="tight")
            plt.close(figure)
            drawn.append((name, title))
    return drawn


def colour(peer):
    return COLOURS.get(peer, "#8e44ad")


def stacks(plt, parts):
    works = [w for w in ("receive", "send", "rr", "rr8", "crr", "crr16", "raw-receive", "raw-send") if parts[w]]
    if not works:
        return None
    figure, axes = plt.subplots(figsize=(9, 1 + 0.13 * sum(len(parts[w]) + 2 for w in works)))
    at, ticks, seen = 0.0, [], set()
    for work in works:
        rows = parts[work]
        ticks.append((at + (len(rows) - 1) / 2, work))
        for peer, row in rows.items():
            axes.barh(at, row["ratio"], 0.85, color=colour(peer), label=None if peer in seen else peer,
                      xerr=[[row["ratio"] - row["ratio_low"]], [row["ratio_high"] - row["ratio"]]], error_kw={"lw": 0.5})
            seen.add(peer)
            at += 1
        at += 1.5
    axes.set_yticks([t for t, _ in ticks], [w for _, w in ticks])
    axes.invert_yaxis()
    axes.axvline(1, color="#9e9e9e", lw=0.5)
    axes.set_xlabel("ratio to the bound in the same turn; lines from the lowest to the highest")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def curve(axes, points):
    """`points`: x -> rows."""
    for peer in dict.fromkeys(p for rows in points.values() for p in rows):
        xs = [int(x) for x, rows in points.items() if peer in rows]
        axes.plot(xs, [points[str(x)][peer]["median"] for x in xs], marker=".", color=colour(peer), label=peer)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()


def sizes(plt, parts):
    works = [w for w in OF_BULK if parts["sizes"].get(w)]
    if not works:
        return None
    figure, all_axes = plt.subplots(1, len(works), figsize=(4 * len(works), 3), squeeze=False)
    for axes, work in zip(all_axes[0], works):
        points = parts["sizes"][work]
        curve(axes, points)
        axes.set_title(OF_BULK[work])
        axes.set_xlabel("octets of a message")
        axes.set_ylabel(next(iter(next(iter(points.values())).values()))["unit"])
    all_axes[0][-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.tight_layout()
    return figure


def connections(plt, parts):
    if not parts["connections"]:
        return None
    figure, axes = plt.subplots(figsize=(6, 3))
    curve(axes, parts["connections"])
    axes.set_xlabel("connections")
    axes.set_ylabel("requests and answers per second")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def latency(plt, parts):
    """Of how many requests it takes longer than x."""
    rows = {peer: row for peer, row in parts["rr"].items() if row.get("histogram")}
    if not rows:
        return None
    figure, axes = plt.subplots(figsize=(6, 3))
    for peer, row in rows.items():
        total = left = sum(n for _, n in row["histogram"])
        xs, ys = [], []
        for x, n in row["histogram"]:
            xs.append(x)
            ys.append(left / total)
            left -= n
        axes.plot(xs, ys, color=colour(peer), label=peer, lw=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_xlabel("microseconds for a request and its answer")
    axes.set_ylabel("part of all that take longer")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure
