"""What a node tells at /metrics, read by another reader of the format than wrote it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

LOCAL = {"REMOTE_ADDR": "127.0.0.1"}


@dataclass(frozen=True)
class Scraped:
    """The samples by name and labels."""

    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    @classmethod
    def of(cls, text: str) -> "Scraped":
        """Parse a reply."""
        samples = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in samples
                samples[key] = sample.value
        return cls(samples)

    @classmethod
    def at(cls, client: Client) -> "Scraped":
        """Ask a node of this process, as who is on its machine."""
        reply = client.get("/metrics", environ_base=LOCAL)
        assert 200 == reply.status_code
        return cls.of(reply.text)

    def sum(self, name: str, **labels: str) -> float:
        """Of all samples with these labels, whatever others they have; there must be some."""
        found = [
            value
            for (known, has), value in self.samples.items()
            if known == name and labels.items() <= dict(has).items()
        ]
        assert found, name
        return sum(found)

    @property
    def names(self) -> set[str]:
        """Of all samples."""
        return {name for name, _ in self.samples}

    def values(self, label: str) -> set[str]:
        """That a label has."""
        return {value for _, has in self.samples for name, value in has if name == label}

    def labels(self) -> Iterator[tuple[str, str]]:
        """All names and values of labels."""
        return (pair for _, has in self.samples for pair in has)


def named(expression: str) -> set[str]:
    """The metrics that an expression of PromQL reads."""
    return set(re.findall(r"\bqorgan_\w+", expression))
