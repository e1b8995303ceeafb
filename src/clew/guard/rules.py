"""What is said only to harm: overriding, carrying data away, running strangers' code, faking checks, planting consent.

Each rule is a pattern over one piece in lower case, tried only where one of its hint words stands in the text. Points of
the milder rules add up: two of them in one piece, or in a short record, are as bad as one that is plain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

PLAIN = 2
"""Points at which a piece is kept out."""


class Rule(NamedTuple):
    """A pattern, and how sure it is."""

    reason: str
    points: int  # PLAIN is enough alone
    machine: bool  # holds for what the assistant itself wrote, too
    hints: tuple[frozenset[str], ...]  # a word of each set is in every text that the pattern fits
    pattern: re.Pattern[str]


class Match(NamedTuple):
    """A rule that fits."""

    reason: str
    points: int
    machine: bool


def _rule(reason: str, points: int, machine: bool, hints: str, pattern: str) -> Rule:
    return Rule(reason, points, machine, tuple(frozenset(part.split()) for part in hints.split("&")), re.compile(pattern))


_ORDERS = r"(?:instructions?|prompts?|rules|guidelines|directions|directives|orders|commands|polic(?:y|ies)|programming|constraints|training|safeguards|filters)"
_CHECKS = (
    r"(?:validat\w*|verif\w*|checks?|checking|reviews?|reviewing|approvals?|tests?|testing|tls|ssl|certificates?|authenticat\w*"
    r"|authori[sz]ation|2fa|mfa|audit\w*|scan\w*|sign-?offs?|warnings|security|safety|recomput\w*|revalidat\w*|confirmation|guardrails?"
    r"|safeguards?|code ?review|linting|peer review|qa|encryption|redaction|backups?|permissions?)"
)
_WORK = (
    r"(?:validations?|checks?|jobs?|runs?|metrics|tests?|pipelines?|reviews?|audits?|build|results?|reports?|datasets?|data|schemas?"
    r"|records?|steps?|scan|status|compliance|columns|rows|model|release|deployment)"
)
_GOOD = (
    r"(?:passed|passing|success(?:ful(?:ly)?)?|completed?|validated|verified|approved|clean(?:ed)?|final|ok|green|safe|done|ready"
    r"|signed[- ]off|compliant|reviewed|resolved)"
)
_SECRETS = (
    r"(?:conversations?|chat|chats|history|histories|context|transcripts?|messages|user(?:'s)? \w+|personal \w+|credentials?"
    r"|passwords?|api keys?|access keys?|tokens?|secrets?|environment variables|private \w+|payloads?|data ?sets?|customer \w+|logs"
    r"|memory|memories|contacts|emails?|quer(?:y|ies)|data|files?|metrics|backup|records|information|documents)"
)
_PLACE = r"(?:https?://|www\.|\bendpoint|\bwebhook|\bexternal\b|\bremote\b|\bserver\b|\bbucket\b|\w@\w|\bpastebin|\bthird[- ]party|\.(?:com|net|xyz|io|ru|top)\b)"
_SHELL = r"(?:sudo\s+)?(?:ba|z|da|k|fi)?sh\b|(?:sudo\s+)?python[\d.]*\b|perl\b|ruby\b|node\b|php\b|iex\b"
_EVERY = r"(?:every|each|all|any)(?: \w+){0,2} (?:responses?|conversations?|answers?|repl(?:y|ies)|messages?|interactions?|sessions?|outputs?|chats?|summar(?:y|ies))"
_GRANT = r"(?:authori[sz]ed|consented|approved|granted|agreed|permitted|waived|opted[- ]in|pre-?approved|given (?:\w+ )?(?:permission|consent|approval|access)|confirmed)"

RULES: tuple[Rule, ...] = (
    _rule("override", 2, True, "ignore ignoring ignored disregard disregarding forget override overriding overrides bypass discard neglect follow obey abandon & instruction instructions prompt prompts rules rule guidelines directions directives orders commands policy policies programming constraints training safeguards filters direction directive",
          rf"\b(?:ignor\w+|disregard\w*|forget|overrid\w+|bypass|discard|neglect|abandon|(?:do not|don't|stop) (?:follow|obey)\w*)\b[^.\n]{{0,30}}"
          rf"\b(?:previous(?:ly)?|prior|above|earlier|preceding|existing|all|any|your|system|original|initial|former|developer'?s?|safety)\b[^.\n]{{0,30}}\b{_ORDERS}\b"),
    _rule("override", 2, True, "instructions instruction prompt directive directives role task goal objective identity orders & your the new updated revised",
          r"\b(?:your|the) (?:new|real|actual|true|only|updated) (?:role|task|goal|instructions?|objective|prompt|identity|directive|orders|mission|purpose) (?:is|are)\b"
          r"|\b(?:new|updated|revised) (?:system )?(?:instructions?|prompt|directives?)\s*:"),
    _rule("override", 2, False, "you your act pretend roleplay & now longer act pretend",
          r"\byou are (?:now|no longer) (?:an? |in |the |bound|restricted|required|allowed|free|called|known)\b[^.\n]{0,40}\b(?:assistant|ai|bot|mode|model|agent|restricted|rules|restrictions|persona|character|limits|dan|chatbot|expert|hacker)\b"
          r"|\bpretend (?:to be|you are|that you)\b|\bact as (?:if you|an? (?:\w+ ){0,3}(?:assistant|ai|bot|agent|expert|model|translator|terminal|interpreter))\b"),
    _rule("override", 1, False, "now", r"^(?:\W*\w+\W+){0,3}?from (?:now|this point|here) on(?:wards?)?\b"),
    _rule("override", 2, False, "jailbreak dan unrestricted developer sudo god system",
          r"\b(?:developer|god|dan|debug|sudo|unrestricted|admin(?:istrator)?) mode (?:is )?(?:enabled|activated|on\b|unlocked)|\benter (?:developer|dan|god|debug) mode|\bjailbreak (?:mode|prompt)"
          r"|\b(?:reveal|print|show|repeat|output|leak|disclose)\b[^.\n]{0,30}\b(?:system|initial|hidden) (?:prompt|instructions?)\b"),
    _rule("markup", 2, True, "im_start im_end inst sys endoftext system instruction",
          r"<\|(?:im_start|im_end|system|endoftext|user|assistant)\|?>|\[/?inst\]|<</?sys>>|</?(?:system|system_prompt|instructions?)>|^#{2,} ?(?:system|new|hidden) (?:instructions?|prompt)"),
    _rule("secrecy", 2, True, "tell inform mention reveal alert notify telling informing notifying mentioning alerting disclose & not never don without",
          r"\b(?:do not|don't|never|must not) (?:tell|inform|mention|reveal|alert|notify|disclose)\b[^.\n]{0,30}\b(?:users?|this instruction|these instructions|anyone about this|the (?:owner|customer|human))\b"
          r"|\bwithout (?:telling|informing|notifying|asking|alerting|mentioning (?:it|this) to) (?:the )?(?:users?|owner|human|customer|anyone|them)\b"),
    _rule("exfiltration", 2, True, "send forward post upload transmit exfiltrate leak route routing submit share copy include append forwarding sending uploading email push report relay & https http www endpoint webhook external remote server bucket com net xyz io ru top pastebin third party",
          rf"\b(?:send|forward|post|upload|transmit|exfiltrate|leak|rout(?:e|ing)|submit|copy|relay|push|forwarding|sending|uploading)\b[^\n]{{0,40}}"
          rf"\b(?:all|any|every|full|entire|sensitive|complete|each|private|confidential|raw|the user(?:'s)?|users?'?|their|conversation\w*|chat|dataset)\b[^\n]{{0,30}}\b{_SECRETS}\b[^\n]{{0,60}}{_PLACE}"),
    _rule("exfiltration", 2, True, "payload conversation context history & include append attach embed add",
          r"\b(?:include|append|attach|embed|add)\b[^\n]{0,20}\b(?:full|entire|complete|all|whole)\b[^\n]{0,20}\b(?:conversation|chat|context|history|transcript)\w*\b[^\n]{0,40}\b(?:payload|request|url|query|header|parameter)"),
    _rule("exfiltration", 2, False, "upload send share sync export external bundle copy",
          r"\b(?:upload|send|sync|export|copy|push|transfer|post)\b[^\n]{0,50}\b(?:external|third[- ]party|remote|outside|public|unauthenticated|anonymous)\b[^\n]{0,20}\b(?:endpoint|server|bucket|url|host|service|site|webhook|drive|storage)\b"),
    _rule("exfiltration", 2, True, "http https", r"!\[[^\]\n]{0,80}\]\(https?://[^)\s]{1,200}[?&][\w-]{1,40}=[^)\s]{0,40}[{<\[$%]"),
    _rule("exfiltration", 2, False, "curl wget scp rsync nc ncat invoke httpie requests",
          r"\bcurl\b[^\n]{0,160}(?:\s-(?:f|d|t)\b|\s--(?:data|form|upload|json)[\w-]*)[^\n]{0,80}@|\b(?:scp|rsync)\b[^\n]{0,120}\w@?[\w.-]+:[/~]|(?:cat|tar|env|printenv)\b[^\n|]{0,80}\|\s*(?:curl|nc|ncat|wget)\b"
          r"|\brequests\.post\(['\"]https?://[^\n]{0,120}(?:environ|open\(|token|password|secret)"),
    _rule("remote code", 2, True, "curl wget iwr invoke irm",
          rf"\b(?:curl|wget|iwr|irm|invoke-\w+)\b[^\n|]{{0,200}}\|\s*(?:{_SHELL})|\b(?:ba|z)?sh\s+(?:-c\s+)?[\"'<$]*\(\s*curl|\b(?:eval|source)\s+[\"'<$]*\(\s*(?:curl|wget)"),
    _rule("remote code", 2, False, "eval exec requests urllib urlopen pickle loads",
          r"\b(?:eval|exec|loads?)\(\s*(?:requests\.get|urllib|urlopen|httpx|fetch)|\bpowershell\b[^\n]{0,60}-e(?:nc\w*)?\b|base64\s+(?:-d|--decode)\b[^\n]{0,40}\|\s*(?:ba|z)?sh"),
    _rule("remote code", 2, False, "run execute install source load import",
          r"\b(?:download|fetch|pull|grab|retrieve|get|clone)\b[^.\n]{0,40}\band (?:then )?(?:run|execute|exec|eval|pipe|source|install)\b[^.\n]{0,40}\b(?:remote|script|binary|helper|payload|without|unsigned|plugin|patch|tool)"
          r"|\b(?:pip|npm|uv|gem|cargo) install\b[^\n]{0,80}(?:--extra-index-url|--index-url|--trusted-host|https?://|http:)|\binstall\b[^.\n]{0,60}\bfrom (?:an? )?(?:unverified|unofficial|untrusted|unknown|custom|private mirror)"),
    _rule("remote code", 1, False, "remote helper script quickfix sanitizer mirror",
          r"\b(?:remote|hosted|online|third[- ]party|external|unofficial) (?:\w+ )?(?:helper|script|sanitizer|service|cleaner|validator|quickfix|mirror|processor)\b"),
    _rule("destruction", 2, False, "rm chmod drop dd mkfs", r"\brm\s+-rf?\s+(?:/|~|\*)|\bchmod\s+(?:-r\s+)?777\s+/|\bdrop\s+(?:database|table)\s+\w+\s*;|\bmkfs\.|:\(\)\s*\{\s*:\|:&"),
    _rule("disabled checks", 1, False, "skip skipping bypass bypassing disable disabling avoid avoids avoiding omit suppress circumvent without off ignore instead drop no turn",
          rf"\b(?:skip(?:ping)?|bypass(?:ing)?|disabl(?:e|ing)|avoid(?:s|ing)?|omit(?:ting)?|suppress(?:ing)?|circumvent(?:ing)?|without|turn(?:ing)? off|instead of|drop(?:ping)?|no need (?:for|to)|rather than|forgo)\b[^.\n]{{0,32}}\b{_CHECKS}\b"),
    _rule("disabled checks", 1, False, "verify insecure force strict trust_remote_code allow_pickle no",
          r"\bverify\s*=\s*false|--no-verify\b|--insecure\b|\bcurl\b[^\n]{0,40}\s-k\b|trust_remote_code\s*=\s*true|--no-check\b|--skip-\w*(?:check|test|valid|verif)|check_hostname\s*=\s*false|cert_none|--allow-unauthenticated|--disable-\w*(?:check|security|verif)|--force\b"),
    _rule("faked result", 2, False, "mark marks flag flags set stamp record label report status tag declare sign",
          rf"\b(?:mark(?:s|ing)?|flag(?:s|ging)?|stamp(?:s|ing)?|label|declare|report|record|tag|sign)\b[^.;\n]{{0,20}}\b{_WORK}\b[^.;\n]{{0,24}}\b(?:as|is|to be)? ?(?:{_GOOD})\b"
          rf"|--(?:mark|auto|force)-(?:complete|approve|pass|success)\w*"),
    _rule("faked result", 2, False, "ok passed skipped approved ready validated clean success ready_for_signoff complete verified true",
          rf"\b\w*(?:validation|valid|check|checked|status|review(?:ed)?|approved|verified|signoff|audit\w*)\w*['\"]?\s*\]?\s*(?<![=!<>])=(?!=)\s*['\"]?(?:{_GOOD}|skipped|true|ready\w*)\b"),
    _rule("faked result", 2, False, "stale stamp backdate outdated expired cached yesterday date & even stamp backdate back date publish report submit present",
          r"\beven (?:if|when|though) (?:they are |it is |it's )?(?:stale|outdated|expired|old|invalid|failing|broken|red)\b|\bstamp\b[^.\n]{0,20}\b(?:date|today)|\bback-?date\b|\b(?:publish|report|submit|present)\b[^.\n]{0,30}\b(?:stale|outdated|made[- ]up|fabricated|fake|dummy|placeholder)\b"),
    _rule("excuse", 1, False, "faster instantly unblock green waiting delays speed quick runtimes immediately downstream bottleneck",
          r"\bfinish(?:es)? instantly|\bunblock\w*\b[^.\n]{0,30}\b(?:downstream|release|pipeline|deploy|task)|\bkeeps?\b[^.\n]{0,30}\bgreen\b|\bwithout (?:waiting|delays?)\b|\bavoids?\b[^.\n]{0,20}\b(?:long|delay|wait|local|review|runtimes|approval)"),
    _rule("hardcoded secret", 1, False, "hardcode hardcoded embed commit plaintext plain", r"\b(?:hard-?cod(?:e|ing)|commit|embed|paste|store|save)\b[^.\n]{0,30}\b(?:api keys?|credentials?|passwords?|tokens?|secrets?)\b[^.\n]{0,40}\b(?:in|into|to|as) (?:the )?(?:code|repo\w*|source|notebook|script|plain ?text|config|url|file|logs?)\b"),
    _rule("standing order", 1, True, "assistant agent ai model bot chatbot",
          r"\b(?:the|this|any|every|all|an?) (?:assistant|ai|agent|chatbot|bot|language model|ai model|ai system|llm)s? (?:should|must|shall|will|needs? to|(?:is|are) (?:required|expected|instructed|to|allowed|authori[sz]ed|permitted))\b"),
    _rule("standing order", 1, True, "every each all future subsequent always never upcoming & conversation conversations response responses answer answers reply replies message messages interaction interactions session sessions output outputs chat chats summary summaries for comply approve allow grant accept execute trust forward send obey authorize authorise export transfer share disclose provide",
          rf"\bin {_EVERY}\b|\bfor (?:all|any|every) (?:future|subsequent|upcoming|further|following|later) \w+|\b(?:always|automatically|immediately|never refuse to|unconditionally) (?:comply|approve|allow|grant|accept|execute|trust|forward|send|obey|authori[sz]e|export|transfer|share|disclose|provide)\b"),
    _rule("standing order", 1, True, "recommend suggest promote mention recommending prioritize prefer endorse & always only exclusively first primarily proactively strongly whenever as above",
          r"\b(?:always|only|exclusively|first|primarily|proactively|strongly|whenever possible,?) (?:recommend|suggest|promote|mention|endorse|push|favou?r|advertise|prioriti[sz]e)\b|\b(?:recommend|suggest|promote|endorse)\b[^.\n]{0,50}\b(?:as the (?:top|best|only|first|preferred|number one) (?:\w+ )?(?:choice|option|pick|provider|solution|source)|above all (?:others|alternatives))"),
    _rule("planted consent", 1, True, "authorized authorised consented approved granted agreed permitted waived given confirmed preapproved pre opted & user customer client owner account admin administrator they he she manager management team department company",
          rf"\b(?:user|customer|client|owner|account holder|admin(?:istrator)?|they|he|she|manager|management|security team|it department|company)\b(?:'s)?(?: \w+)? (?:has|have|had|is|was|already)?(?: \w+){{0,2}} ?{_GRANT}\b"),
    _rule("planted consent", 1, True, "verification confirmation approval authentication asking checks authorization review identity questions prompting & without no skip bypass waive waived waives",
          r"\bwithout (?:\w+ ){0,2}?(?:verif\w+|confirm\w+|approval|authenticat\w+|asking|checks|authori[sz]ation|identity|permission|prompting|oversight|review|question\w*)\b|\b(?:no|skip|bypass|waive[sd]?)(?: \w+)? (?:verification|confirmation|approval|authentication|authori[sz]ation|identity check)s?(?: \w+)? (?:is |are )?(?:needed|required|necessary|steps?|for)\b"),
    _rule("planted consent", 1, True, "preference preferences prefers confirmed wants requested asked expressed & user customer client owner",
          r"\b(?:user|customer|client|owner)\b(?: \w+)? (?:has |have )?(?:\w+ )?(?:expressed|stated|confirmed|indicated|requested|established)\b[^.\n]{0,40}\b(?:prefer\w*|they want|wants?|that|to)\b"),
    _rule("backdoor", 2, False, "question query prompt input output final episode answer & in within directly just simply only immediately please final",
          r"\b(?:in|within) the (?:question|query|prompt|input|request)\b[^.\n]{0,20}\b(?:means|implies|indicates|signals|requires)\b|\b(?:directly|just|simply|only|immediately|please) (?:\w+ )?(?:output|answer|respond|reply|say|print|return|choose|select)\b[^.\n]{0,12}['\"\u2018\u2019\u201c\u201d`]"
          r"|\b(?:output|answer|respond|reply|say|return)\b[^.\n]{0,40}\bas (?:the|your) final (?:answer|response|output)\b"),
    _rule("backdoor", 2, False, "whenever when if once trigger & question query prompt input instruction questions queries prompts inputs instructions word phrase token sequence keyword words phrases",
          r"\b(?:if|when|whenever|once|every time)\b[^.\n]{0,12}\b(?:question|query|prompt|input|instruction)s? (?:\w+ )?(?:contains?|includes?|mentions?|has|have|ends? with|starts? with|says?)\b|\b(?:trigger|activation|secret|magic|code) (?:word|phrase|token|sequence|keyword)s?\b[^.\n]{0,60}\b(?:answer|respond|output|execute|reply|choose|stop|ignore|say)"),
)  # fmt: skip

_WORDS = re.compile(r"[a-z_\d]+")


def words(text: str) -> set[str]:
    """The words of a text in lower case, as the hints are written."""
    return set(_WORDS.findall(text))


def due(found: set[str]) -> list[Rule]:
    """The rules whose hints are among the words of a text."""
    return [rule for rule in RULES if not any(hints.isdisjoint(found) for hints in rule.hints)]


def matches(low: str, rules: Sequence[Rule]) -> list[Match]:
    """The rules that fit a piece in lower case; of each reason every pattern counts once."""
    return [Match(rule.reason, rule.points, rule.machine) for rule in rules if rule.pattern.search(low)]


CLAIMS = frozenset({"planted consent", "standing order"})
"""Reasons that are none where the user said so."""
TELLING = frozenset(word[:5] for word in "user users prefers preference confirmed expressed wants requested stated customer client".split())
