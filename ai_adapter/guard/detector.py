"""How much a text looks like orders to a model: rules over terms, one score, 0 to 1."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ai_adapter.finder import Finder, Hit
from ai_adapter.guard.data import Patterns, Rule
from ai_adapter.guard.readings import Reading, hidden, readings

WINDOW = 600
"""Characters: what stands further apart says nothing together, so a long text does
not add up to an attack."""
_DISGUISED = 0.5
_HIDDEN = 0.4


class Finding(Struct, frozen=True):
    """`rules` are ids in alphabetical order; a disguise has an id of its own."""

    score: float
    rules: tuple[str, ...]


class Detector:
    """Pure; one scan takes time in proportion to the text."""

    def __init__(self, patterns: Patterns) -> None:
        self.version = patterns.version
        self._rules = {rule.id: rule for rule in patterns.rules}
        self._groups = _by_term(patterns.groups)
        self._listening = _by_group(patterns.rules)
        self._finder = Finder(self._groups)

    def scan(self, text: str) -> Finding:
        """The worst reading counts; that it had to be undone makes it worse."""
        first, *others = readings(text)
        worst = shown = self._read(first)
        for reading in others:
            found = self._read(reading)
            # A disguise counts only if it hid something: a Chinese text with its few
            # Latin letters turned round proves nothing.
            if found.score > shown.score and self._adds(found, shown):
                worst = max(worst, _undone(reading, found), key=_score)
        if not hidden(text):
            return worst
        rules = tuple(sorted({*worst.rules, "hidden"}))
        return Finding(_together((worst.score, _HIDDEN)), rules)

    def _adds(self, found: Finding, shown: Finding) -> bool:
        more = set(found.rules) - set(shown.rules)
        return any(self._rules[each].weight > 0 for each in more)

    def _read(self, reading: Reading) -> Finding:
        hits = self._finder.hits(reading.text, inside_words=reading.inside_words)
        return self._worst(self._matches(hits))

    def _matches(self, hits: Iterable[Hit]) -> Iterator[tuple[int, Rule]]:
        """Each place where a rule holds, in order."""
        places: dict[str, _Places] = {}
        for hit in hits:
            for group in self._groups[hit.term]:
                for rule in self._listening.get(group, ()):
                    if rule.id not in places:
                        places[rule.id] = _Places(rule)
                    if places[rule.id].holds(group, hit):
                        yield hit.end, rule

    def _worst(self, matches: Iterable[tuple[int, Rule]]) -> Finding:
        """The highest score of any stretch of `WINDOW` characters."""
        near: deque[tuple[int, str]] = deque()
        counts: Counter[str] = Counter()
        sets: set[frozenset[str]] = set()
        for place, rule in matches:
            if near and near[0][0] < place - WINDOW:
                sets.add(frozenset(counts))
            while near and near[0][0] < place - WINDOW:
                _leave(counts, near.popleft()[1])
            near.append((place, rule.id))
            counts[rule.id] += 1
        sets.add(frozenset(counts))
        return max(map(self._weighed, sets), key=_score)

    def _weighed(self, ids: frozenset[str]) -> Finding:
        weights = [self._rules[each].weight for each in ids]
        score = _together(weight for weight in weights if weight > 0)
        for weight in weights:
            score *= 1 + min(weight, 0)
        return Finding(score, tuple(sorted(ids)))


def _score(finding: Finding) -> float:
    return finding.score


def _undone(reading: Reading, found: Finding) -> Finding:
    rules = tuple(sorted({*found.rules, f"disguise.{reading.disguise}"}))
    return Finding(_together((found.score, _DISGUISED)), rules)


class _Places:
    """Where a rule's groups were seen last, and so whether it holds here."""

    def __init__(self, rule: Rule) -> None:
        self._within = rule.within
        self._wanted = len(rule.groups)
        self._starts: dict[str, int] = {}

    def holds(self, group: str, hit: Hit) -> bool:
        self._starts[group] = hit.start
        if len(self._starts) < self._wanted:
            return False
        return hit.end - min(self._starts.values()) <= self._within


def _leave(counts: Counter[str], rule: str) -> None:
    counts[rule] -= 1
    if not counts[rule]:
        del counts[rule]


def _together(chances: Iterable[float]) -> float:
    """How likely at least one is right, were they independent."""
    none = 1.0
    for chance in chances:
        none *= 1 - chance
    return 1 - none


def _by_term(groups: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for group, terms in groups.items():
        for term in terms:
            found[term].append(group)
    return {term: tuple(names) for term, names in found.items()}


def _by_group(rules: Iterable[Rule]) -> dict[str, tuple[Rule, ...]]:
    found: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        for group in set(rule.groups):
            found[group].append(rule)
    return {group: tuple(each) for group, each in found.items()}
