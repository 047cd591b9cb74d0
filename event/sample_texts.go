package event

// Words of samples: what people and bots write on the Hub, in its own forms,
// among them text that is hard to lay out. The lists are read only.
var (
	people = []string{
		"julien-c", "osanson", "librarian-bot", "SFconvertbot", "Muhammad2003", "xiao-ming", "d4niel", "parquet-converter",
	}
	pullTitles = []string{
		"Update co2 emissions",
		"Adding `safetensors` variant of this model",
		"Librarian Bot: Add base_model information to model",
		"Fix typo in README.md",
		"Upload tokenizer_config.json with huggingface_hub",
		"Add `library_name` and `pipeline_tag` to the metadata",
		"docs: explain the evaluation split",
	}
	discussionTitles = []string{
		"How much memory does this need?",
		"🚩 Report: legal issue(s)",
		"Is commercial use allowed?",
		"Results differ from the paper",
		"可以用于多语言任务吗？",
		"KeyError: 'labels' when loading with streaming=True",
		"Feature request: smaller version",
	}
	pullTexts = []string{
		"Add co2 emissions information to the model card",
		"This is an automated PR created with https://huggingface.co/spaces/safetensors/convert\n\nThis new file is equivalent to `pytorch_model.bin` but safe in the sense that no arbitrary code can be put into it.",
		"Fixes a broken link and two typos.",
		"This pull request aims to enrich the metadata of your repo by adding `base_model` to the `YAML` block of its README.md.",
	}
	questions = []string{
		"I get an out-of-memory error with 24 GB. Is there a quantized version?",
		"Thanks for sharing this! The card does not name the licence, may it be used in a product?",
		"With `temperature=0` I measure 71.3 instead of the 74.1 in the table:\n\n```python\npipe(\"…\", do_sample=False)\n```\n\nWhat am I doing wrong?",
		"谢谢分享！请问训练数据包含中文吗？",
	}
	replies = []string{
		"Thanks, this works for me 👍",
		"Could you rebase on `main`? There is a conflict in README.md.",
		"cc @julien-c",
		"Same here, on an A10G with transformers 4.46.",
		"Fixed in the latest commit, closing.",
	}
)
