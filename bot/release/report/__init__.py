"""The release report: a value without a language (`build`), in words (`words`), as Markdown and HTML (`as_…`)."""
