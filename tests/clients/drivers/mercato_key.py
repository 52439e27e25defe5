"""A pytest plugin for the SDKs' own suites: each client is made with one more default header, our key."""

import functools
import os

HEADERS = {"x-mercato-key": os.environ["KEY_OF_TESTS"]}


def _always_with_key(kind):
    made = kind.__init__

    @functools.wraps(made)
    def make(self, *args, default_headers=None, **options):
        made(self, *args, default_headers={**HEADERS, **(default_headers or {})}, **options)

    kind.__init__ = make


if os.environ["SDK_OF_TESTS"] == "openai":
    import openai

    kinds = (openai.OpenAI, openai.AsyncOpenAI)
else:
    import anthropic

    kinds = (anthropic.Anthropic, anthropic.AsyncAnthropic)
for each in kinds:
    _always_with_key(each)
