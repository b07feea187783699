"""Known endpoints that speak chat completions; any other works by its base_url."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`key`: the secret's name in .env, empty for servers on this machine that need none."""

    name: str
    base_url: str
    key: str = ""
    note: str = ""


ENDPOINTS = (
    Endpoint(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "most models with one key",
    ),
    Endpoint(
        "nous",
        "https://inference-api.nousresearch.com/v1",
        "NOUS_API_KEY",
        "the Hermes models",
    ),
    Endpoint("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "the GPT models"),
    Endpoint(
        "anthropic",
        "https://api.anthropic.com/v1",
        "ANTHROPIC_API_KEY",
        "the Claude models by their compatible API, which caches no prompts",
    ),
    Endpoint(
        "google",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
        "the Gemini models",
    ),
    Endpoint("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "the DeepSeek models"),
    Endpoint("zai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", "the GLM models"),
    Endpoint("kimi", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY", "the Kimi models"),
    Endpoint("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "the Mistral models"),
    Endpoint("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "open models, fast"),
    Endpoint("xai", "https://api.x.ai/v1", "XAI_API_KEY", "the Grok models"),
    Endpoint(
        "ollama",
        "http://127.0.0.1:11434/v1",
        note="local; set OLLAMA_CONTEXT_LENGTH to 32768 or more, its default is small",
    ),
    Endpoint("lmstudio", "http://127.0.0.1:1234/v1", note="local; load the model first"),
    Endpoint(
        "vllm",
        "http://127.0.0.1:8000/v1",
        note="local; start it with --enable-auto-tool-choice and --tool-call-parser",
    ),
    Endpoint("llamacpp", "http://127.0.0.1:8080/v1", note="local; start it with --jinja"),
)

LOCAL = tuple(endpoint for endpoint in ENDPOINTS if not endpoint.key)


def endpoint_named(name: str) -> Endpoint | None:
    return next((endpoint for endpoint in ENDPOINTS if endpoint.name == name), None)


def endpoint_at(base_url: str) -> Endpoint | None:
    """The known endpoint with this address, or None: then it is a custom one."""
    address = base_url.strip().rstrip("/")
    return next((endpoint for endpoint in ENDPOINTS if endpoint.base_url == address), None)
