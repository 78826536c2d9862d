package dashboard

import (
	"strconv"
	"strings"
)

const (
	// sparkSteps is how many steps of a series a sparkline shows: the last quarter of an hour. It is drawn in
	// units, of which each step is sparkWide.
	sparkSteps  = 30
	sparkWide   = 4
	sparkWidth  = sparkSteps * sparkWide
	sparkHeight = 24
	sparkMargin = 2
)

// spark is the last minutes of a queue as lines of an SVG. Its strings are numbers and words of
// this package only.
type spark struct {
	// In is an area; Out and Failed are lines. Empty: nothing to draw.
	In, Out, Failed string
	// Title says the same in words.
	Title phrase
}

func newSpark(series []flow) spark {
	var peak flow
	for _, f := range series {
		peak = flow{In: max(peak.In, f.In), Out: max(peak.Out, f.Out), Failed: max(peak.Failed, f.Failed)}
	}
	highest := max(peak.In, peak.Out, peak.Failed)
	s := spark{Title: say("Last 15 min: no jobs")}
	if len(series) < 2 {
		s.Title = say("Last 15 min: not seen yet")
		return s
	}
	if highest > 0 {
		s.Title = say("Last 15 min, at most: in %s/s, out %s/s, failed %s/s", formatRate(peak.In), formatRate(peak.Out), formatRate(peak.Failed))
	}
	s.Out = points(series, highest, func(f flow) float64 { return f.Out })
	if peak.In > 0 {
		left, right := x(0, len(series)), x(len(series)-1, len(series))
		base := strconv.Itoa(sparkHeight - sparkMargin)
		s.In = left + "," + base + " " + points(series, highest, func(f flow) float64 { return f.In }) + " " + right + "," + base
	}
	if peak.Failed > 0 {
		s.Failed = points(series, highest, func(f flow) float64 { return f.Failed })
	}
	return s
}

// points is the attribute of that name of an SVG polyline, with the newest value at the right edge.
func points(series []flow, highest float64, value func(flow) float64) string {
	const room = sparkHeight - 2*sparkMargin
	var b strings.Builder
	for i, f := range series {
		y := float64(sparkHeight - sparkMargin)
		if highest > 0 {
			y -= value(f) / highest * room
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(x(i, len(series)))
		b.WriteByte(',')
		b.WriteString(strings.TrimSuffix(strconv.FormatFloat(y, 'f', 1, 64), ".0"))
	}
	return b.String()
}

// x is where the i-th of n values stands.
func x(i, n int) string { return strconv.Itoa(sparkWidth - sparkMargin - sparkWide*(n-1-i)) }
