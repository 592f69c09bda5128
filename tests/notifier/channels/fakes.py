"""The contract of ``Posts``, in memory."""

from services.notifier.channels.post import standing


class FakePosts:
    """Knows the questions, as the database does."""

    def __init__(self, questions) -> None:
        self._kept = {}
        self._questions = questions

    async def prepare(self):
        """There is nothing to make."""

    async def begin(self, post):
        earlier = self._kept.get(post.id)
        self._kept.setdefault(post.id, post)
        return earlier

    async def posted(self, post_id, reference):
        self._kept[post_id] = self._kept[post_id].model_copy(update={"reference": reference})

    async def find(self, post_id):
        return self._kept.get(post_id)

    async def thread(self, post):
        same = [
            p
            for p in self._kept.values()
            if (p.ticket_id, p.to.via, p.to.email) == (post.ticket_id, post.to.via, post.to.email)
            and p.reference
        ]
        first = min(same, key=lambda p: p.at) if same else None
        return (first.root or first.reference) if first else ""

    async def outdated(self):
        found = []
        for post in self._kept.values():
            question = await self._questions.find(post.question_id)
            now = standing(question) if question else None
            if post.live and post.reference and post.shown != now:
                found.append(post)
        return found

    async def revised(self, post_id, question):
        changes = {"live": False}
        if question is not None:
            changes = {"live": question.state == "pending", "shown": standing(question)}
        self._kept[post_id] = self._kept[post_id].model_copy(update=changes)
