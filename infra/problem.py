"""The one error a person at the terminal sees: a sentence that ends with the remedy."""


class Stop(Exception):
    """The command cannot go on; the sentence says what to do. Print it and leave."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code
