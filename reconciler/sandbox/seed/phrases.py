"""What members of the invented communities write about, and what only some of them would write."""

from __future__ import annotations

TITLES = {
    "question": (
        "How do I export {thing}?", "Why does {thing} stop at midnight?", "Who has connected {thing} to a warehouse?",
        "Can {thing} be shared with a partner?", "What is the limit of {thing}?",
    ),
    "conversation": (
        "How we use {thing} in our team", "Hello from the {thing} people", "Three months with {thing}",
        "Which {thing} do you look at first?", "Our week with {thing}",
    ),
    "article": ("Set up {thing} in ten minutes", "A checklist for {thing}", "{thing}, explained", "Migrate {thing} safely"),
    "idea": ("Let us copy {thing}", "Dark colours for {thing}", "A calendar of {thing}", "Undo for {thing}"),
    "productUpdate": ("New in {thing}", "{thing}: what changed this month", "{thing} is faster now"),
}  # fmt: skip
THINGS = (
    "dashboards", "imports", "segments", "health scores", "journeys", "reports", "webhooks", "permissions", "surveys",
    "the mobile app", "single sign-on", "playbooks",
)  # fmt: skip
BODIES = (
    "<p>We moved over last month and most of it simply works.</p><p>What is missing is described below.</p>",
    "<p>I tried the steps of the manual twice.</p><ol><li>Open the settings</li><li>Choose the source</li></ol>",
    "<p>Short version: <strong>yes</strong>, but only for administrators.</p>",
    "<p>Numbers since spring:</p><table><tr><td>May</td><td>120</td></tr><tr><td>June</td><td>340</td></tr></table>",
    '<p>See <a href="https://docs.example/guide?a=1&amp;b=2">the guide</a> &ndash; page 7.</p>',
    "<p>It fails with <code>timeout &gt; 30&nbsp;s</code> whenever the file has more than 10,000 rows.</p>",
)
ANSWERS = (
    "<p>Thank you, that did it.</p>", "<p>Same here.</p>", "<p>Have you tried another browser?</p>",
    "<p>We wrote a small script for that and run it every night.</p>", "<p>+1</p>",
    "<blockquote>only for administrators</blockquote><p>That changed in June.</p>",
)  # fmt: skip
ODD_TITLES = (
    "<script>alert('title')</script> does not run", "Emoji in names 🚀 👩‍👩‍👧 👍🏽", "مرحبا بكم في المجتمع",
    "  spaces   around  ", "Ünïcödé &amp; <b>bold</b> \u201cquotes\u201d", "=SUM(A1:A9)", "zero\u200bwidth\u202eand back",
    "A title that does not want to end " + "and goes on " * 40,
)  # fmt: skip
ODD_BODIES = (
    "<p>before</p><script>document.cookie</script><style>p{color:red}</style><p>after</p>",
    '<p onclick="steal()">Click</p><img src=x onerror=alert(1)><iframe src="https://evil.example"></iframe>',
    "<p>never closed <b>bold <i>both &eacute; &#128640; &unknown; &lt;kept&gt;",
    "", "plain text without any tag\nand a second line", "<p>" + "🚀" * 300 + "</p>",
    "<!-- a comment --><p>visible</p><![CDATA[hidden]]>", "<p>" + "long paragraph. " * 5_000 + "</p>",
)  # fmt: skip
