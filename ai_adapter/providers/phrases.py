"""The fixed phrases of the template answers, in Chinese and in English."""

import re

from msgspec import Struct

EDGES = " \t\n#*-—·,，.。!！?？:：;；、\"'“”「」《》"
# Whole runs only: cutting a Chinese run without a dictionary makes half words.
WORD = re.compile(
    r"\b[A-Za-z][A-Za-z0-9]{4,19}\b"
    r"|(?<![\u4e00-\u9fff])[\u4e00-\u9fff]{2,6}(?![\u4e00-\u9fff])",
)
_SENTENCE = re.compile(r"[^。！？!?\n]+?(?:[。！？!?]+|\.(?=\s|$)|\n|$)")


class Phrases(Struct, frozen=True):
    """`{}` in a title is the subject; ten titles, because ten variants may be asked."""

    titles: tuple[str, ...]
    closings: tuple[str, ...]
    replies: tuple[str, ...]
    thing: str
    nothing: str
    tag: str
    joint: str


ZH = Phrases(
    titles=(
        "{}",
        "一起看看：{}",
        "{}，你怎么看？",
        "新视频｜{}",
        "{}，这次说清楚",
        "关于{}",
        "{}（完整版）",
        "今天聊聊{}",
        "{}，记得收藏",
        "带你了解{}",
    ),
    closings=(
        "欢迎在评论区留下你的想法。",
        "想了解更多，欢迎留言。",
        "喜欢的话，点个关注。",
        "有问题请在评论区告诉我们。",
        "感谢观看，我们下期再见。",
    ),
    replies=(
        "感谢您的留言，我们已经看到，会尽快由同事回复您。",
        "谢谢您的关注！您的问题已记录，稍后会有同事与您联系。",
        "您好，感谢反馈，我们会认真处理并尽快答复。",
        "收到，谢谢您告诉我们，请稍等，同事会跟进。",
        "感谢支持！如需更多信息，请继续留言，我们会回复。",
        "您好，谢谢您的耐心，我们核实后会尽快回复。",
        "谢谢您的建议，已转给负责的同事。",
        "感谢您的提问，我们确认后会给您准确的答复。",
        "您好，已收到您的消息，会尽快回复。",
        "谢谢您的留言，祝您一切顺利，我们稍后回复。",
    ),
    thing="新作品",
    nothing="新作品已经准备好。",
    tag="新视频",
    joint="",
)

EN = Phrases(
    titles=(
        "{}",
        "A look at {}",
        "{}: your view?",
        "New video: {}",
        "{}, step by step",
        "About {}",
        "{} (full)",
        "Today: {}",
        "{}, worth saving",
        "Inside {}",
    ),
    closings=(
        "Tell us what you think in the comments.",
        "Leave a comment to learn more.",
        "Follow along if you liked it.",
        "Ask us anything below.",
        "Thanks for watching, see you next time.",
    ),
    replies=(
        "Thank you for your message. A colleague will get back to you soon.",
        "Thanks for reaching out! We have noted your question and will follow up.",
        "Hello, thank you for the feedback. We will look into it and answer soon.",
        "Got it, thank you for telling us. A colleague will follow up.",
        "Thank you for your support! Write again if you need anything else.",
        "Hello, thank you for your patience. We will check and reply soon.",
        "Thank you for the suggestion. It has been passed on.",
        "Thanks for asking. We will check and give you a proper answer.",
        "Hello, your message has arrived. We will reply soon.",
        "Thank you for your comment. All the best, and more from us soon.",
    ),
    thing="our new video",
    nothing="Something new is ready.",
    tag="newvideo",
    joint=" ",
)


def of(lang: str) -> Phrases:
    """English for English, Chinese for everything else: it is the house language."""
    return EN if lang.strip().lower().startswith("en") else ZH


def sentences(text: str) -> tuple[str, ...]:
    """Sentences in order, blanks left out."""
    found = (piece.strip() for piece in _SENTENCE.findall(text))
    return tuple(piece for piece in found if piece.strip(EDGES))
