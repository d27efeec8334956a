"""OpenTelemetry's names for calls of models; still in development, so only here."""

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
PROMPT = "gen_ai.prompt.name"
ERROR = "error.type"

# What each task is called there.
OPERATIONS = {"embed": "embeddings", "image": "generate_content"}
CHAT = "chat"
