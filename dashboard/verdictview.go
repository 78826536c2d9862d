package dashboard

// shownFindings bounds the verdict line: so many queues are named with their reasons.
const shownFindings = 4

type verdictView struct {
	Level level
	Word  phrase
	// Text is the whole answer when nothing is wrong.
	Text phrase
	// Wrong are the worst queues, More how many more have findings.
	Wrong []wrongQueue
	More  int
	// Mark goes before the title of the browser's tab. Say is what a screen reader hears when the
	// verdict changes.
	Mark string
	Say  phrase
}

// wrongQueue is a queue with what is wrong with it. Without a name it is all of them.
type wrongQueue struct {
	Name    string
	Level   level
	Reasons []phrase
}

// levelMarks mark the levels where there are no colours.
var levelMarks = map[level]string{healthy: "✓", idle: "✓", degraded: "⚠", down: "✖"}

func viewVerdict(v verdict) verdictView {
	out := verdictView{Level: v.Level, Word: v.Level.Word(), Text: v.Text, Mark: levelMarks[v.Level]}
	at := map[string]int{}
	for _, f := range v.Findings {
		i, ok := at[f.Queue]
		if !ok {
			i = len(out.Wrong)
			at[f.Queue] = i
			out.Wrong = append(out.Wrong, wrongQueue{Name: f.Queue})
		}
		out.Wrong[i].Level = max(out.Wrong[i].Level, f.Level)
		out.Wrong[i].Reasons = append(out.Wrong[i].Reasons, f.Text)
	}
	if out.More = len(out.Wrong) - shownFindings; out.More > 0 {
		out.Wrong = out.Wrong[:shownFindings]
	}
	out.Say = say("%s.", out.Word)
	said := map[string]bool{}
	for _, f := range v.Findings {
		switch i, shown := at[f.Queue]; {
		case !shown || i >= len(out.Wrong) || said[f.Queue]:
		case f.Queue == "":
			out.Say = say("%s %s.", out.Say, f.Say)
		default: // the first reason is enough to hear
			said[f.Queue] = true
			out.Say = say("%s %s: %s.", out.Say, f.Queue, f.Say)
		}
	}
	return out
}
