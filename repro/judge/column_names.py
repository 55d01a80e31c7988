"""What names of columns and the look of their values say, as the tools that write tables of runs give them."""

import re

BLANK = "(blank)"
"""The option that a blank stands for, where no default is declared."""

SEED = re.compile(
    r"(^|[_./ -])(random)?(seed|fold|run|trial|repeat|repetition|replicate|replica|rep)s?([_./ -]|$)"
    r"|(^|[_./ -])(random_?state|rng)$",
    re.IGNORECASE,
)
SHARED = re.compile(r"(^|[_./ -])(random)?(seed|fold)s?([_./ -]|$)|(^|[_./ -])(random_?state|rng)$", re.IGNORECASE)
"""Replicates whose value is the same thing in every variant; a number of a run or trial is a place in a list."""
FOLD = re.compile(r"(^|[_./ -])(cv|folds?|splits?)([_./ -]|$)", re.IGNORECASE)
"""Replicates that share their training data."""
_INSIDE = r"^((key|train|test|eval)_|(params|parameters|config|cfg|args|hparams|data)[./])?"
TASK = re.compile(
    _INSIDE + r"(task|data_?set|environment|env|env_id|game|workload|benchmark|corpus)(_?name)?s?$", re.IGNORECASE
)
UNIT = re.compile(
    r"^(image|img|sample|example|item|question|photo|instance|document|sentence|utterance|prompt)"
    r"([_ ]?(id|idx|index|name|no|number))?$",
    re.IGNORECASE,
)
STEP = re.compile(
    r"^(_|(trainer|metrics|summary)[./])?((global|train|training)_?)?(step|epoch|iteration|iter)s?$"
    r"|^(final|last)_(step|epoch|iteration)s?$",
    re.IGNORECASE,
)
LENGTH = re.compile(r"s$", re.IGNORECASE)
"""Of steps: how long a run was to be, which a study may vary, and no place in a curve."""
METRIC_NAMES = re.compile(r"^(metrics?|measures?|variable)([_ ]?name)?$", re.IGNORECASE)
METRIC = re.compile(
    r"(^|[_./ -])(loss|acc|accuracy|err|error|score|scores|auc|f1|rmse|mse|mae|bleu|wer|cer|fid|return|reward|"
    r"perplexity|ppl|bpb|bpc|precision|recall|map|miou|iou|dice_score|top1|top5|n_parameters|param_count|params_count|"
    r"flops|memory|memory_gb|throughput|seconds|duration|runtime|time|hours|energy|joules|min|max|final|last|best|mean|"
    r"std|diff|evals)([_./ -]|\d|$)|^(metrics|summary)\.|^best_",
    re.IGNORECASE,
)
SETTING = re.compile(
    r"^(params|config|args|hparams|hyperparameters)[./]|(^|[_./ -])(lr|learning_?rate|weight_?decay|wd|momentum|"
    r"beta\d?|eps|epsilon|dropout|temperature|alpha|gamma|lambda|warmup|depth|width|dim|hidden|layers|heads|batch|bs|size|rate|"
    r"decay|clip|sigma|tau|rank|weights?|coeff?|coefficient|threshold|iter|features|leaf|nodes|child|estimators|patience|"
    r"init|noise|penalty|reg|l1|l2|neighbors|bins|kernel|channels|blocks|multiplier)([_./ -]|\d|$)",
    re.IGNORECASE,
)
SETTINGS_PREFIX = re.compile(r"^(params|config|args|hparams|hyperparameters)[./]", re.IGNORECASE)
"""What trackers write before the dotted key of an option."""
INSIDE_SETTINGS = re.compile(r"^(params|config|args|hparams|hyperparameters|parameters)[./]|^params?_", re.IGNORECASE)
RANKING = re.compile(r"^(rank|mean|std)_(test|train|fit|score)_|^rank_diff$", re.IGNORECASE)
"""Of scikit-learn's tables of cross-validation: no rank of a matrix."""
IDENTITY = re.compile(
    r"^_|^(tags|info)\.|^(job_?id|pid|typ|rev|executor|parent|git|gpu|partition|node|machine)$|"
    r"(^|[_./ -])gpu[_ ]?(type|name|model)$|"
    r"(^|[_./ -])(id|uuid|hash|sha|commit|path|dir|file|filename|date|timestamp|created|"
    r"started|ended|updated|elapsed|host|hostname|user|url|uri|link|state|status|description|notes?|name|index|row|group|sweep|"
    r"job|tags|artifact)([_./ -]|$)|(^|[_./ -])(run|start|end)_?(name|id|time)$",
    re.IGNORECASE,
)
USER_ATTRIBUTE = re.compile(r"^user_attrs_")
"""What Optuna calls values that its user has noted: no name of a user."""
TIME = re.compile(
    r"\d{4}-\d\d-\d\d.*|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}.*|[A-Z][a-z]{2,8} \d{1,2}, \d{4}.*|"
    r"(\d+ days?,? )?\d{1,3}:\d\d(:\d\d)?(\.\d+)?|"
    r"\d+(\.\d+)?(ms|s|sec|m|min|h|d)( \d+(\.\d+)?(s|sec|m|min|h))*"
)
CLOCK = re.compile(r"[:/]|\d{4}|\d\.\d+\.")
"""What tells a date or a time of day from a length such as 10s, which may be an option."""
LASTING = re.compile(r"(^|[_./ -])(duration|runtime|elapsed|wall_?(clock|time)|time)([_./ -]|$)", re.IGNORECASE)
SPREAD = re.compile(r"\d\$?\s*(±|\+/-|\+-|\\pm)|\d\s*\(\d")
CODE = re.compile(r"[0-9a-f]{7,}(-[0-9a-f]{4,})*|\d{4}-\d\d-\d\d.*|(/|[A-Za-z]:\\).*|https?://.*", re.IGNORECASE)
NAMED_FIRST = ("name", "group", "description", "commit", "rev", "git", "tags")
NAMES = re.compile(rf"^({'|'.join(NAMED_FIRST)})$|(^|[_./ -])({'|'.join(NAMED_FIRST)})$", re.IGNORECASE)
