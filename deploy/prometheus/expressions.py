"""PromQL in the few shapes that dashboards and alerts are made of.

`where` are label matchers as PromQL writes them, `by` the labels that are kept, parted by commas; `per` is a window.
"""

from __future__ import annotations


def selector(metric: str, where: str = "") -> str:
    return f"{metric}{{{where}}}" if where else metric


def total(inner: str, by: str = "", how: str = "sum") -> str:
    return f"{how} by ({by}) ({inner})" if by else f"{how}({inner})"


def rate(metric: str, per: str, by: str = "", where: str = "") -> str:
    """A counter's rise in a second."""
    return total(f"rate({selector(metric, where)}[{per}])", by)


def increase(metric: str, per: str, by: str = "", where: str = "") -> str:
    """A counter's rise within the window."""
    return total(f"increase({selector(metric, where)}[{per}])", by)


def quantile(share: float, histogram: str, per: str, by: str = "", where: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share:g}, {rate(f'{histogram}_bucket', per, labels, where)})"


def mean(histogram: str, per: str, by: str = "", where: str = "") -> str:
    return f"{rate(f'{histogram}_sum', per, by, where)} / {rate(f'{histogram}_count', per, by, where)}"


def joined(*matchers: str) -> str:
    """Label matchers together; empty ones are left out."""
    return ", ".join(each for each in matchers if each)


def matching(**labels: str) -> str:
    """Label matchers; `class_` is the label `class`."""
    return joined(*(f'{name.rstrip("_")}="{value}"' for name, value in labels.items()))
