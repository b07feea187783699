"""Replies such as a model might write, and worse, from a seed."""

from __future__ import annotations

import random

_WORDS = [
    "the", "answer", "is", "List<int>", "a<b", "x>y", "&amp;", "&", "AT&T", "snake_case_name",
    "__init__", "2*3*4", "**", "*", "_", "`", "``", "[", "]", "(", ")", "![", "](", "~~", "|", "\\",
    "C#", "#tag", "1.", "-", "+", "=", "===", "---", ">", "<T>", "</div>", "<b>bold</b>", "Grüße",
    "naïve", "日本語", "テスト。", "한국어", "مرحبا", "שלום", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪",
    "e\u0301\u0323", "Z\u0351\u036b\u0343", "\u200fRTL\u200e", "done.", "Really?", "Yes!", "$x^2$",
    "@user", "\ufe0f", "http://example.com/a_b_c", "<https://example.com/x?a=1&b=2>", "&lt;", "\\*",
    "foo@example.com", "\u00a0", "supercalifragilistic" * 4, "0", "1)", ":-", "\x1b[0m", "\x00",
    "\ud83d", "!",
]  # fmt: skip
_INFO = ["", "python", "c++", "sh -x", "`", "json {a=1}", "日本"]


class Replies:
    """`next()` is another reply. `most`: about how many blocks a large one has."""

    def __init__(self, seed: int, most: int = 12) -> None:
        self._random = random.Random(seed)
        self._most = most

    def next(self) -> str:
        kind = self._random.random()
        if kind < 0.1:
            return self._noise()
        count = self._random.randint(1, self._most)
        text = self._join([self._block(0) for _ in range(count)])
        if self._random.random() < 0.3:
            text += "\n\n[1]: https://example.com/one\n[Two]: <./two> 'title'\n"
        if self._random.random() < 0.1:
            text = text[: self._random.randint(1, len(text))]
        return text

    def _noise(self) -> str:
        signs = "*_`~[]()<>#-+=|\\!&:.1 \n\n\t>ab日👍\u0301"
        return "".join(self._random.choices(signs, k=self._random.randint(1, 600)))

    def _join(self, blocks: list[str]) -> str:
        gap = self._random.choice(["\n\n", "\n\n", "\n", "\n\n\n"])
        return gap.join(blocks)

    def _block(self, depth: int) -> str:
        makers = [self._paragraph] * 4 + [self._fence, self._table, self._heading, self._rule]
        if depth < 4:
            makers += [lambda: self._list(depth)] * 3 + [lambda: self._quote(depth)]
        return self._random.choice(makers)()

    def _words(self, most: int = 12) -> str:
        return " ".join(self._phrase() for _ in range(self._random.randint(1, most)))

    def _phrase(self) -> str:
        words = " ".join(self._random.choices(_WORDS, k=self._random.randint(1, 5)))
        shape = self._random.random()
        mark = self._random.choice(["*", "**", "_", "__", "~~", "`", "``", "***"])
        if shape < 0.25:
            return f"{mark}{words}{mark}"
        if shape < 0.4:
            target = self._random.choice(
                ["https://example.com/p?q=1&r=2", "mailto:a@b.c", "src/a.py", "ftp://x/y", "",
                 "<a b>", "javascript:alert(1)", "tg://user?id=1",
                 'http://x "ti"tle"', "https://日本.jp/ü"]
            )  # fmt: skip
            return f"{self._random.choice(['', '!'])}[{words}]({target})"
        if shape < 0.45:
            return f"[{words}][{self._random.choice(['1', 'two', 'three'])}]"
        return words

    def _paragraph(self) -> str:
        count = self._random.choice([1, 1, 2, 3, 30])
        gap = self._random.choice(["\n", "  \n", "\\\n", "\n    ", " "])
        return gap.join(self._words() for _ in range(count))

    def _heading(self) -> str:
        if self._random.random() < 0.3:
            return self._words(4) + "\n" + self._random.choice(["===", "---"])
        return "#" * self._random.randint(1, 7) + " " + self._words(4)

    def _rule(self) -> str:
        return self._random.choice(["---", "***", "___", "- - -"])

    def _fence(self) -> str:
        bar = self._random.choice(["```", "~~~", "````"])
        lines = [self._words(6) for _ in range(self._random.choice([0, 1, 5, 60]))]
        code = "\n".join("  " * self._random.randint(0, 4) + line for line in lines)
        end = self._random.choice(["\n" + bar, "\n" + bar, ""])
        return f"{bar}{self._random.choice(_INFO)}\n{code}{end}"

    def _list(self, depth: int) -> str:
        ordered = self._random.random() < 0.5
        start = self._random.choice([0, 1, 1, 7, 99, 999_999_998])
        gap = self._random.choice(["\n", "\n", "\n\n"])
        items = []
        for index in range(self._random.choice([1, 3, 5, 40 if depth == 0 else 4])):
            mark = f"{start + index}. " if ordered else self._random.choice(["- ", "- ", "* "])
            inner = self._words(8) if self._random.random() < 0.6 else self._block(depth + 1)
            if self._random.random() < 0.3:
                inner += self._random.choice(["\n", "\n\n"]) + self._block(depth + 1)
            if self._random.random() < 0.05:
                inner = ""
            items.append((mark + inner).replace("\n", "\n" + " " * len(mark)))
        return gap.join(items)

    def _quote(self, depth: int) -> str:
        inner = self._join([self._block(depth + 1) for _ in range(self._random.randint(1, 3))])
        lines = inner.split("\n")
        lazy = self._random.random() < 0.2
        return "\n".join(
            line if lazy and index and self._random.random() < 0.3 else "> " + line
            for index, line in enumerate(lines)
        )

    def _table(self) -> str:
        columns = self._random.randint(1, 6)
        rules = [self._random.choice(["---", ":--", "--:", ":-:"]) for _ in range(columns)]
        rows = [self._cells(columns), "| " + " | ".join(rules) + " |"]
        rows += [self._cells(columns) for _ in range(self._random.choice([0, 1, 4, 50]))]
        return "\n".join(rows)

    def _cells(self, columns: int) -> str:
        cells = [self._words(2).replace("|", "\\|") for _ in range(columns)]
        return "| " + " | ".join(cells) + " |"
