"""A model that knows three things, by a few words each."""

import threading


class Toy:
    """Counts how often it is asked, and notes in which threads."""

    model = "toy"

    def __init__(self) -> None:
        self.asked = 0
        self.threads: set[int] = set()

    def embed(self, text: str):
        self.asked += 1
        self.threads.add(threading.get_ident())
        things = (("disk", "storage"), ("certificate", "padlock"), ("mail", "letters"))
        found = [float(any(word in text.lower() for word in words)) for words in things]
        length = sum(found) ** 0.5 or 1.0
        return [each / length for each in found]
